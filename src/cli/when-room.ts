import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const againMs = 5_000;

/**
 * Does it, and again every few seconds while it fails for want of room on the disk: a worker that ended instead would be started again
 * at once, a few times, and then stay dead long after there is room.
 */
export async function whenRoom<T>(
  work: () => T | Promise<T>,
  { clock, logger, signal }: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !isFull(error)) throw error;
      if (tries === 1)
        logger.warn('the disk is full; waiting for room before this worker starts', { why: errorLine(error) });
      await sleep(clock, againMs, signal);
    }
  }
}

/** Whether there was no room, or no more of it for this user, at the bottom of it. */
function isFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && (at.code === 'ENOSPC' || at.code === 'EDQUOT')) return true;
  }
  return false;
}
