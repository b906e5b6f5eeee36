import { attemptOf } from '../core/job-envelope.ts';
import type { Finished, Sealed } from '../core/worker-message.ts';
import type { Holder, Ledger } from '../ledger/ledger.ts';

/** Whose holdings were read back from the store, where nobody's name stands (R9). */
const readBackWorker = 'record';

/**
 * Whether the speaker may tell how this holding ended (R10). Orders with their signatures and nonces lie in the store for everybody
 * to read (`run.json`), so a signature alone says only that the order was given once: not that this worker, or one of its pool, had it. A
 * holding is its worker's. One that nobody heard of may be what a broker or an earlier ledger lost, unless the attempt was somebody
 * else's and is over.
 */
export async function mayTellEnd(
  ledger: Pick<Ledger, 'holders'>,
  { worker, nonce, envelope }: Pick<Finished | Sealed, 'worker' | 'nonce' | 'envelope'>,
): Promise<boolean> {
  const holders = await ledger.holders(attemptOf(envelope));
  const mine = holders.find((holder) => holder.nonce === nonce);
  if (mine !== undefined) return mine.worker === worker || mine.worker === readBackWorker;
  const isTheirs = ({ worker: other }: Holder): boolean => other !== worker && other !== readBackWorker;
  return !holders.some(isTheirs) || holders.some(({ isLive }) => isLive);
}
