import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Forge, WriteAllowance } from '../forge/forge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ReportDue } from '../ledger/report-due.ts';
import type { AskWaiting } from './ask-waiting.ts';
import { createDoubts, type DoubtfulCommit } from './doubts.ts';
import { createLaneTrouble } from './lane-trouble.ts';
import { nextWrite, repoOf, reserves, servedBy, type Due, type Write } from './next-write.ts';
import { worthOf } from './post-worth.ts';
import { createRenewer } from './renewal.ts';
import { tellChore, tellIssue, tellStatus } from './tell-forge.ts';
import { verdictOf } from './words.ts';

/** So much is looked at to choose from; more, and what one account may write now hides behind what another may not. */
const batch = 256;
/** Of a forge that is not told, so many are acknowledged at once. */
const silentBatch = 500;
/** What waits for the next hour is looked at this often (ms). */
const scarcePauseMs = 60_000;
/** A look that takes longer (ms), because thousands are due, is not repeated while the forge takes nothing. */
const dearLookMs = 20;

/** What telling one forge needs. */
export interface LaneDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly publicUrl: () => string | null;
  readonly askWaiting?: AskWaiting;
  /** Has a commit looked at, since the forge may show something else there than it was told last. Durable when it resolves. */
  readonly lookAgain?: (commit: DoubtfulCommit & { readonly forge: string }) => Promise<unknown>;
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
  const { ledger, clock, askWaiting } = deps;
  const trouble = createLaneTrouble(name, deps);
  const renewer = askWaiting === undefined ? null : createRenewer(name, { ...deps, askWaiting });
  const doubts = createDoubts(clock);
  const turns = new Map<string, number>();
  let writes = 0;
  let restUntil = 0;

  /** What is due, less what nobody needs to be told of. */
  const load = async (leftOf: (repo: string) => number): Promise<Due> => {
    const now = clock.now();
    const reports: ReportDue[] = [];
    for (const due of await ledger.dueReports(now, batch, name)) {
      // What nobody was told of needs no end, unless the forge may have taken what it seemed to fail at.
      const report = due.isShown || !doubts.mayShow(due) ? due : { ...due, isShown: true };
      const worth = worthOf(report);
      if (worth === 'skip' || (worth === 'more' && leftOf(report.repo) < reserves.more))
        await ledger.reportSkipped(report);
      else reports.push(report);
    }
    return {
      reports,
      chores: await ledger.dueChores(now, batch, name),
      issues: await ledger.dueIssues(now, batch, name),
    };
  };

  /** Nobody is told; the ledger keeps what would have been said. */
  const acknowledgeAll = async (signal: AbortSignal): Promise<number | null> => {
    while (!signal.aborted) {
      const now = clock.now();
      const reports = await ledger.untoldReports(now, silentBatch, name);
      const chores = await ledger.dueChores(now, silentBatch, name);
      const issues = await ledger.dueIssues(now, silentBatch, name);
      if (reports.length + chores.length + issues.length === 0) return await ledger.nextReportAt(name);
      await Promise.all([
        ...reports.map((report) => ledger.reportPosted(report, verdictOf(report, null), now)),
        ...chores.map((chore) => ledger.choreDone(chore)),
        ...issues.map((issue) => ledger.issueKept(issue, now)),
      ]);
    }
    return null;
  };

  const whyWaiting = async ({ about }: ReportDue): Promise<string | null> => {
    if (about.kind === 'notice' || about.standing.state !== 'waiting' || askWaiting === undefined) return null;
    return (await askWaiting(about.standing.jobId))?.sentence ?? null;
  };

  const postReport = async (
    forge: Forge,
    report: ReportDue,
    why: string | null,
    signal: AbortSignal,
  ): Promise<void> => {
    const said = verdictOf(report, why);
    try {
      await tellStatus(forge, report, { said, publicUrl: deps.publicUrl() }, signal);
    } catch (error) {
      doubts.failed(report, said, error);
      throw error;
    }
    doubts.told(report, said);
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
        await tellIssue(forge, write.issue, deps.publicUrl(), signal);
        await ledger.issueKept(write.issue, clock.now());
        return;
      default:
        write satisfies never;
    }
  };

  const tell = async (forge: Forge, write: Write, work: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    writes += 1;
    // Forgetting a turn only lets somebody go a little earlier.
    if (turns.size > 10_000) turns.clear();
    for (const turn of servedBy(write)) turns.set(turn, writes);
    try {
      await work();
      trouble.succeeded();
    } catch (error) {
      const isLimitKnown = (): boolean => (forge.writeAllowance?.(repoOf(write)).readyAt ?? 0) > clock.now();
      if (!signal.aborted) await trouble.failed(error, write, isLimitKnown);
    }
  };

  /** Says anew why a job waits, when nothing else is to be said. False: there is none, or no room for it. */
  const renew = async (
    forge: Forge,
    allowed: (repo: string) => WriteAllowance,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const renewal = (await renewer?.next()) ?? null;
    if (renewal === null) return false;
    const { shown, why } = renewal;
    const { readyAt, leftThisHour } = allowed(shown.repo);
    if (readyAt > clock.now() || leftThisHour < reserves.more) return false;
    renewer?.count();
    await tell(forge, { kind: 'report', report: shown }, () => postReport(forge, shown, why, signal), signal);
    return true;
  };

  const lookAgain = async (): Promise<void> => {
    for (const commit of doubts.due()) {
      await deps.lookAgain?.({ forge: name, ...commit });
      doubts.looked(commit);
    }
  };

  const flushDue = async (forge: Forge, signal: AbortSignal): Promise<number | null> => {
    const allowed = (repo: string): WriteAllowance =>
      forge.writeAllowance?.(repo) ?? { readyAt: 0, leftThisHour: Number.POSITIVE_INFINITY };
    let due: Due | null = null;
    while (!signal.aborted) {
      await lookAgain();
      const pausedUntil = Math.max(trouble.pausedUntil(clock.now()), restUntil);
      if (pausedUntil > clock.now()) {
        const nextAt = await ledger.nextReportAt(name);
        return nextAt === null ? null : Math.max(nextAt, pausedUntil);
      }
      const began = clock.monotonic();
      const isFresh = due === null;
      if (isFresh && (await ledger.nextReportAt(name)) === null) {
        if (!(await renew(forge, allowed, signal))) return null;
        continue;
      }
      due ??= await load((repo) => allowed(repo).leftThisHour);
      const now = clock.now();
      const write = nextWrite(takeable(due, allowed, now), { writes, at: turns });
      if (write !== null) {
        due = without(due, write);
        await tell(forge, write, () => carryOut(forge, write, signal), signal);
      } else if (!isFresh) due = null;
      else if (isEmpty(due)) {
        if (!(await renew(forge, allowed, signal))) return await ledger.nextReportAt(name);
        due = null;
      } else {
        const readyAt = nextReadyAt(due, allowed, now);
        if (clock.monotonic() - began > dearLookMs) restUntil = readyAt;
        return readyAt;
      }
    }
    return null;
  };

  return {
    async flush(forge, signal) {
      if (forge?.remembersStatuses !== true) return await acknowledgeAll(signal);
      const nextAt = await flushDue(forge, signal);
      const lookAt = doubts.nextAt();
      return nextAt === null || lookAt === null ? (nextAt ?? lookAt) : Math.min(nextAt, lookAt);
    },
  };
}

type Allowed = (repo: string) => WriteAllowance;

/** What may be told now: no account has to wait, and the last writes of the hour are kept for verdicts and answers. */
function takeable(due: Due, allowed: Allowed, now: number): Due {
  const states = new Map<string, { readonly isReady: boolean; readonly hasRoom: boolean }>();
  const of = (repo: string): { readonly isReady: boolean; readonly hasRoom: boolean } => {
    const known = states.get(repo);
    if (known !== undefined) return known;
    const { readyAt, leftThisHour } = allowed(repo);
    const state = { isReady: readyAt <= now, hasRoom: readyAt <= now && leftThisHour >= reserves.first };
    states.set(repo, state);
    return state;
  };
  return {
    reports: due.reports.filter((report) =>
      worthOf(report) === 'final' ? of(report.repo).isReady : of(report.repo).hasRoom,
    ),
    chores: due.chores.filter(({ repo }) => of(repo).isReady),
    issues: due.issues.filter(({ repo }) => of(repo).hasRoom),
  };
}

/** When the first of what may not be told now may be (epoch ms). */
function nextReadyAt(due: Due, allowed: Allowed, now: number): number {
  const repos = new Set([...due.reports, ...due.chores, ...due.issues].map(({ repo }) => repo));
  return [...repos].reduce((earliest, repo) => {
    const { readyAt } = allowed(repo);
    return Math.min(earliest, readyAt > now ? readyAt : now + scarcePauseMs);
  }, now + scarcePauseMs);
}

function isEmpty({ reports, chores, issues }: Due): boolean {
  return reports.length + chores.length + issues.length === 0;
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
