import { sleep } from '../base/clock.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AttemptDetail, LedgerReader, RunDetail } from '../ledger/ledger-reader.ts';
import type { OpenAttemptLog } from './attempt-log.ts';
import type { CliContext } from './cli-context.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { createLogFilter } from './output/log-filter.ts';
import { createProgress } from './output/progress.ts';

const lookAgainMs = 300;

/** Exit status for how a run came out. */
export function exitOf(outcome: Outcome): ExitCode {
  switch (outcome.kind) {
    case 'passed':
      return exitCode.ok;
    case 'failed':
    case 'timed-out':
      return exitCode.failed;
    case 'canceled':
    case 'broken':
      return exitCode.machinery;
    default:
      return outcome satisfies never;
  }
}

/** Copies one attempt's log to stdout: exact bytes into a pipe, made harmless on a terminal unless `isRaw`. */
export async function printLog(context: CliContext, log: AsyncIterable<Uint8Array>, isRaw: boolean): Promise<void> {
  const filter = context.out.isTty && !isRaw ? createLogFilter() : null;
  for await (const bytes of log) await context.out.write(filter === null ? bytes : filter.push(bytes));
  if (filter !== null) await context.out.write(filter.end());
}

/** The attempt that people mean: the one whose outcome counts, else the owner, else the newest that anybody claimed. */
export function chosenAttempt(run: RunDetail): AttemptDetail | null {
  const claimed = run.attempts.filter((attempt) => attempt.claimedAt !== null);
  const current = claimed.filter((attempt) => attempt.generation === run.summary.generation);
  const from = current.length > 0 ? current : claimed;
  return (
    from.find((attempt) => attempt.isAccepted) ?? from.findLast((attempt) => attempt.isOwner) ?? from.at(-1) ?? null
  );
}

/**
 * Shows a run's log as it grows, attempt after attempt, until the run has ended. Null: interrupted.
 * @returns the outcome
 */
export async function followRun(
  house: { readonly reader: LedgerReader; readonly openLog: OpenAttemptLog; readonly isRaw: boolean },
  jobId: string,
  context: CliContext,
): Promise<Outcome | null> {
  const signal = context.interruption();
  const shown = new Set<string>();
  const progress = createProgress(context.err, context.clock);
  try {
    for (;;) {
      const run = await house.reader.run(jobId);
      if (run === null || signal.aborted) return null;
      const attempt = chosenAttempt(run);
      if (attempt !== null && !shown.has(attempt.storePrefix)) {
        progress.end();
        if (shown.size > 0) await context.err.line(`groundcrew: attempt ${String(attempt.n)} on ${attempt.worker}`);
        shown.add(attempt.storePrefix);
        const wanted = { jobId, attempt, follow: run.summary.state !== 'ended' };
        await printLog(context, house.openLog(wanted, signal), house.isRaw);
        continue;
      }
      if (run.summary.state === 'ended') return run.summary.outcome;
      progress.say(`${run.summary.context}: ${run.summary.state}`);
      await sleep(context.clock, lookAgainMs, signal);
    }
  } finally {
    progress.end();
  }
}
