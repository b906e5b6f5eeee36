import { sleep } from '../base/clock.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AttemptDetail, LedgerReader, RunDetail } from '../ledger/ledger-reader.ts';
import type { OpenAttemptLog } from './attempt-log.ts';
import type { CliContext } from './cli-context.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { createLogPatience } from './log-patience.ts';
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
async function printLog(
  context: Pick<CliContext, 'out'>,
  log: AsyncIterable<Uint8Array>,
  isRaw: boolean,
): Promise<void> {
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

/** Where runs and their logs are read. */
export interface ReadingHouse {
  readonly reader: Pick<LedgerReader, 'run'>;
  readonly openLog: OpenAttemptLog;
  readonly isRaw: boolean;
}

/** One attempt's log; with `follow` to its end, or until none is to be expected any more, which is then said. */
export async function showAttempt(
  house: ReadingHouse,
  wanted: { readonly jobId: string; readonly attempt: AttemptDetail; readonly follow: boolean },
  context: Pick<CliContext, 'out' | 'err' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const patience = createLogPatience({ reader: house.reader, clock: context.clock }, wanted);
  try {
    const log = house.openLog(wanted, AbortSignal.any([signal, patience.signal]));
    await printLog(context, patience.heard(log), house.isRaw);
  } finally {
    const why = await patience.end();
    if (why !== null) await context.err.line(`groundcrew: ${why}`);
  }
}

/**
 * Shows a run's log as it grows, attempt after attempt, until the run has ended. Null: interrupted.
 * @returns the outcome
 */
export async function followRun(house: ReadingHouse, jobId: string, context: CliContext): Promise<Outcome | null> {
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
        const follow = run.summary.state !== 'ended';
        await showAttempt(house, { jobId, attempt, follow }, context, signal);
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
