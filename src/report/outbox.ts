import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { backoffMs } from '../base/retry.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ForgeChore, ReportDue } from '../ledger/report-due.ts';
import { verdictOf } from './words.ts';

const backoff = { firstMs: 2_000, mostMs: 5 * 60_000, factor: 2 };
const batch = 50;

/** What the reporter needs. `publicUrl` without trailing slash; null: targets are not posted. */
export interface OutboxDeps {
  readonly ledger: Ledger;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly publicUrl: string | null;
  /** At least this long between two writes to one forge (ms); GitHub asks for a second. */
  readonly spacingMs: number;
}

/**
 * Posts what the ledger says should be shown: one desired state per commit and context, finals first; what changed while a
 * post was under way stays due. A failed post comes back after a growing pause, for ever. Posting twice is harmless.
 */
export interface Outbox {
  /** Posts what is due now; resolves with the time of the next due post (epoch ms), or null when nothing waits. Not to be overlapped. */
  flush(signal: AbortSignal): Promise<number | null>;
}

export function createOutbox(deps: OutboxDeps): Outbox {
  let lastWriteAt = Number.NEGATIVE_INFINITY;
  const space = async (signal: AbortSignal): Promise<void> => {
    const wait = lastWriteAt + deps.spacingMs - deps.clock.monotonic();
    if (wait > 0) await sleep(deps.clock, wait, signal);
    lastWriteAt = deps.clock.monotonic();
  };
  const retryAt = (tries: number): number => deps.clock.now() + backoffMs(backoff, tries + 1, deps.random);

  const postReport = async (report: ReportDue, signal: AbortSignal): Promise<void> => {
    const forge = deps.forges.get(report.forge);
    const said = verdictOf(report.about, null);
    try {
      if (forge?.remembersStatuses === true) {
        await space(signal);
        if (signal.aborted) return;
        const targetUrl = deps.publicUrl === null ? null : deps.publicUrl + said.path;
        await forge.setStatus(
          {
            repo: report.repo,
            sha: report.sha,
            context: report.context,
            state: said.state,
            description: said.sentence,
            targetUrl,
          },
          signal,
        );
      }
      await deps.ledger.reportPosted(report, said, deps.clock.now());
    } catch (error) {
      deps.logger.warn('a status could not be posted', {
        repo: report.repo,
        context: report.context,
        tries: report.tries + 1,
        why: errorLine(error),
      });
      await deps.ledger.reportFailed(report, retryAt(report.tries));
    }
  };

  const doChore = async (chore: ForgeChore, signal: AbortSignal): Promise<void> => {
    const forge = deps.forges.get(chore.forge);
    try {
      if (forge?.remembersStatuses === true) {
        await space(signal);
        if (signal.aborted) return;
        if (chore.kind === 'approve') await forge.rememberApproval(chore.repo, chore.sha, chore.by, signal);
        else if (chore.kind === 'comment') await forge.comment?.(chore, signal);
        else await forge.markRequestDone(chore.repo, chore.requestId, signal, chore.answer);
      }
      await deps.ledger.choreDone(chore);
    } catch (error) {
      deps.logger.warn('the forge could not be told', {
        repo: chore.repo,
        kind: chore.kind,
        tries: chore.tries + 1,
        why: errorLine(error),
      });
      await deps.ledger.choreFailed(chore, retryAt(chore.tries));
    }
  };

  return {
    async flush(signal) {
      for (;;) {
        if (signal.aborted) return null;
        const chores = await deps.ledger.dueChores(deps.clock.now(), batch);
        const reports = await deps.ledger.dueReports(deps.clock.now(), batch);
        if (chores.length + reports.length === 0) return await deps.ledger.nextReportAt();
        for (const chore of chores) if (!signal.aborted) await doChore(chore, signal);
        // A final that became due meanwhile goes before the rest of an older batch.
        for (const report of reports.slice(0, deps.spacingMs > 0 ? 1 : batch))
          if (!signal.aborted) await postReport(report, signal);
      }
    },
  };
}
