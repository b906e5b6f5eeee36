import type { Clock } from '../base/clock.ts';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { backoffMs } from '../base/retry.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ReportDue } from '../ledger/report-due.ts';
import type { AskWaiting } from './ask-waiting.ts';
import { nextWrite, reserves, servedBy, type Due, type Write } from './next-write.ts';
import { worthOf } from './post-worth.ts';
import { createRenewer } from './renewal.ts';
import { tellChore, tellIssue, tellStatus } from './tell-forge.ts';
import { verdictOf } from './words.ts';

const itemBackoff = { firstMs: 2_000, mostMs: 5 * 60_000, factor: 2 };
/** A forge that answers nothing is not asked for each thing again; short, so that its return is soon noticed. */
const awayBackoff = { firstMs: 5_000, mostMs: 60_000, factor: 2 };
const awayAfter = 3;
/** A limit that does not say how long. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit */
const limitBackoff = { firstMs: 60_000, mostMs: 10 * 60_000, factor: 2 };
/** So often the forge may refuse a thing for good before we believe it. */
const mostRefusals = 3;
const batch = 64;
/** Of a forge that is not told, so many are acknowledged at once. */
const silentBatch = 500;
/** What waits for the next hour is looked at this often (ms). */
const scarcePauseMs = 60_000;

/** What telling one forge needs. */
export interface LaneDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly publicUrl: string | null;
  readonly askWaiting?: AskWaiting;
}

/** Everything that one forge is told, one after the other. */
export interface ForgeLane {
  /**
   * Tells what is due until nothing is, or until the forge takes no more for now; resolves with the time (epoch ms) at which
   * to come back, null when nothing waits. Not to be overlapped.
   */
  flush(forge: Forge | undefined, signal: AbortSignal): Promise<number | null>;
}

/** `name`: the forge's, as the ledger has it. */
export function createForgeLane(name: string, deps: LaneDeps): ForgeLane {
  const { ledger, clock, logger } = deps;
  const renewer = deps.askWaiting === undefined ? null : createRenewer(name, { ...deps, askWaiting: deps.askWaiting });
  const turns = new Map<string, number>();
  let writes = 0;
  let failures = 0;
  let limits = 0;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  /** What is due, less what nobody needs to be told of. */
  const load = async (isScarce: boolean): Promise<Due> => {
    const now = clock.now();
    const reports: ReportDue[] = [];
    for (const report of await ledger.dueReports(now, batch, name)) {
      const worth = worthOf(report);
      if (worth === 'skip' || (worth === 'more' && isScarce)) await ledger.reportSkipped(report);
      else reports.push(report);
    }
    return {
      reports,
      chores: await ledger.dueChores(now, batch, name),
      issues: await ledger.dueIssues(now, batch, name),
    };
  };

  /** Nobody is told; the ledger keeps what would have been said. */
  const acknowledgeAll = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const now = clock.now();
      const reports = await ledger.dueReports(now, silentBatch, name);
      const chores = await ledger.dueChores(now, silentBatch, name);
      const issues = await ledger.dueIssues(now, silentBatch, name);
      await Promise.all([
        ...reports.map((report) => ledger.reportPosted(report, verdictOf(report, null), now)),
        ...chores.map((chore) => ledger.choreDone(chore)),
        ...issues.map((issue) => ledger.issueKept(issue, now)),
      ]);
      if (reports.length + chores.length + issues.length === 0) return;
    }
  };

  const whyWaiting = async ({ about }: ReportDue): Promise<string | null> => {
    if (about.kind === 'notice' || about.standing.state !== 'waiting' || deps.askWaiting === undefined) return null;
    return (await deps.askWaiting(about.standing.jobId))?.sentence ?? null;
  };

  const postReport = async (
    forge: Forge,
    report: ReportDue,
    why: string | null,
    signal: AbortSignal,
  ): Promise<void> => {
    const said = verdictOf(report, why);
    await tellStatus(forge, report, { said, publicUrl: deps.publicUrl }, signal);
    await ledger.reportPosted(report, said, clock.now());
  };

  const carryOut = async (forge: Forge, write: Write, signal: AbortSignal): Promise<void> => {
    switch (write.kind) {
      case 'report':
        await postReport(forge, write.report, await whyWaiting(write.report), signal);
        return;
      case 'chore':
        await tellChore(forge, write.chore, signal);
        await ledger.choreDone(write.chore);
        return;
      case 'issue':
        await tellIssue(forge, write.issue, deps.publicUrl, signal);
        await ledger.issueKept(write.issue, clock.now());
        return;
      default:
        write satisfies never;
    }
  };

  /** Sets one thing aside for good, where people see it. A final is tried again each day (`Ledger.dueReports`). */
  const giveUp = async (write: Write, why: string): Promise<void> => {
    logger.error('the forge refuses this for good; given up', { ...about(write), why });
    if (write.kind === 'report') await ledger.reportRefused(write.report, why, clock.now());
    else if (write.kind === 'chore') await ledger.choreDone(write.chore);
    else await ledger.issueKept(write.issue, clock.now());
  };

  const comeBack = async (write: Write): Promise<void> => {
    const at = clock.now() + backoffMs(itemBackoff, triesOf(write) + 1, deps.random);
    if (write.kind === 'report') await ledger.reportFailed(write.report, at);
    else if (write.kind === 'chore') await ledger.choreFailed(write.chore, at);
    else await ledger.issueFailed(write.issue, at);
  };

  const pause = (forMs: number, message: string, why: string): void => {
    pausedUntil = clock.monotonic() + forMs;
    logger.warn(message, { forge: name, forMs, why });
  };

  /** One thing failed; `write` null: nothing is to come back. Decides whether the thing, or the forge, has to wait. */
  const failed = async (error: unknown, write: Write | null): Promise<void> => {
    const why = errorLine(error);
    if (isGroundcrewError(error, 'forge/rate-limited') || isGroundcrewError(error, 'forge/unauthorized')) {
      // Says nothing against this thing: it stays due, and goes first when the forge takes something again.
      limits += 1;
      const asked = retryAfterMs(error);
      pause(asked ?? backoffMs(limitBackoff, limits, deps.random), 'the forge takes nothing for now', why);
      return;
    }
    const isRefused = isGroundcrewError(error) && error.retry === 'never';
    if (!isRefused) {
      failures += 1;
      if (failures >= awayAfter)
        pause(backoffMs(awayBackoff, failures - awayAfter + 1, deps.random), 'the forge is away', why);
    }
    if (write === null) return;
    if (isRefused && triesOf(write) + 1 >= mostRefusals) {
      await giveUp(write, why);
      return;
    }
    logger.warn('the forge could not be told; it will be', { ...about(write), tries: triesOf(write) + 1, why });
    await comeBack(write);
  };

  const count = (write: Write): void => {
    writes += 1;
    // Forgetting a turn only lets somebody go a little earlier.
    if (turns.size > 10_000) turns.clear();
    for (const turn of servedBy(write)) turns.set(turn, writes);
  };

  /** The time to come back when the forge takes nothing now; null: go on. */
  const notBefore = (forge: Forge): number | null => {
    const now = clock.now();
    const readyAt = Math.max(forge.writeAllowance?.().readyAt ?? now, now + pausedUntil - clock.monotonic());
    return readyAt > now ? readyAt : null;
  };

  const tell = async (write: Write, work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    count(write);
    try {
      await work();
      [failures, limits] = [0, 0];
    } catch (error) {
      if (!signal.aborted) await failed(error, write);
    }
  };

  return {
    async flush(forge, signal) {
      if (forge?.remembersStatuses !== true) {
        await acknowledgeAll(signal);
        return signal.aborted ? null : await ledger.nextReportAt(name);
      }
      let due: Due | null = null;
      while (!signal.aborted) {
        const later = notBefore(forge);
        if (later !== null) {
          const nextAt = await ledger.nextReportAt(name);
          return nextAt === null ? null : Math.max(nextAt, later);
        }
        const left = forge.writeAllowance?.().leftThisHour ?? Number.POSITIVE_INFINITY;
        const isFresh = due === null;
        due ??= await load(left < reserves.more);
        const write = nextWrite(due, { writes, at: turns }, left);
        if (write !== null) {
          due = without(due, write);
          await tell(write, () => carryOut(forge, write, signal), signal);
          continue;
        }
        if (!isFresh) {
          due = null;
          continue;
        }
        if (due.reports.length + due.issues.length > 0) return clock.now() + scarcePauseMs;
        const renewal = left < reserves.more ? null : ((await renewer?.next()) ?? null);
        if (renewal === null) return await ledger.nextReportAt(name);
        const renewed: Write = { kind: 'report', report: renewal.shown };
        renewer?.count();
        await tell(renewed, () => postReport(forge, renewal.shown, renewal.why, signal), signal);
      }
      return null;
    },
  };
}

function without(due: Due, write: Write): Due {
  switch (write.kind) {
    case 'report':
      return { ...due, reports: due.reports.filter((report) => report !== write.report) };
    case 'chore':
      return { ...due, chores: due.chores.filter((chore) => chore !== write.chore) };
    case 'issue':
      return { ...due, issues: due.issues.filter((issue) => issue !== write.issue) };
    default:
      return write satisfies never;
  }
}

function triesOf(write: Write): number {
  if (write.kind === 'report') return write.report.tries;
  return write.kind === 'chore' ? write.chore.tries : write.issue.tries;
}

/** For the log. */
function about(write: Write): Readonly<Record<string, string>> {
  if (write.kind === 'chore') return { kind: write.chore.kind, repo: write.chore.repo };
  const { repo, context } = write.kind === 'report' ? write.report : write.issue;
  return { kind: write.kind, repo, context };
}

/** How long the forge asked us to wait, if it said so (ms). */
function retryAfterMs(error: object): number | null {
  return 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : null;
}
