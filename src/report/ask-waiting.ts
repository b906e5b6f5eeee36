import type { Clock } from '../base/clock.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { waitingReason, type WaitingReason } from './waiting-words.ts';

/** Why this job waits now; null when it does not wait. */
export type AskWaiting = (jobId: string) => Promise<WaitingReason | null>;

/** Asks the ledger, as the pages do, so that status and page say the same. */
export function createAskWaiting(
  reader: Pick<LedgerReader, 'run' | 'position' | 'workers'>,
  clock: Pick<Clock, 'now'>,
): AskWaiting {
  return async (jobId) => {
    const position = await reader.position(jobId);
    const run = position === null ? null : await reader.run(jobId);
    if (position === null || run === null) return null;
    return waitingReason(run.summary, position, await reader.workers(), clock.now());
  };
}
