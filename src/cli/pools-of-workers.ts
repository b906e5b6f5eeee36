import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { membersOf, readIssued } from './credentials-list.ts';

/** The list is read again after this (ms): a worker's next hello, half a minute later, finds what was issued meanwhile. */
const readAgainMs = 5_000;

/**
 * The pools that a worker's certificate was made for, as the authority in `dir` wrote down. Null: not one of its, or there is none on
 * this machine; then only the broker's rights tell.
 */
export function createPoolsOf({
  dir,
  clock,
  logger,
}: {
  readonly dir: string;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly logger: Pick<Logger, 'warn'>;
}): (worker: string) => readonly string[] | null {
  let known = new Map<string, readonly string[]>();
  let readAt: number | null = null;
  return (worker) => {
    const now = clock.monotonic();
    if (readAt === null || now - readAt >= readAgainMs) {
      readAt = now;
      try {
        known = new Map(membersOf(readIssued(dir), clock.now()).workers.map(({ name, pools }) => [name, pools]));
      } catch (error) {
        logger.warn('the list of certificates cannot be read; what workers say of their pools is believed as before', {
          why: errorLine(error),
        });
      }
    }
    return known.get(worker) ?? null;
  };
}
