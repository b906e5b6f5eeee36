import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Hello } from '../core/worker-message.ts';
import type { Queue } from '../queue/queue.ts';
import { refusalFor } from './namesakes.ts';
import { createSeldom } from './seldom.ts';
import { tellWorker } from './tell-worker.ts';

const logAgainMs = 10 * 60_000;

/**
 * True when this `hello` offers a pool that its certificate was not made for; it is told so, and nothing else of it counts. The broker
 * gives it no job of that pool whatever it says; believed, its slots would count there, and jobs be fed to a queue that nobody reads.
 */
export type IsOutOfPool = (hello: Pick<Hello, 'worker' | 'offer'>) => Promise<boolean>;

export function createPoolCheck({
  poolsOf,
  queue,
  clock,
  logger,
}: {
  readonly poolsOf: (worker: string) => readonly string[] | null;
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): IsOutOfPool {
  const isToBeLogged = createSeldom(clock, logAgainMs);
  return async ({ worker, offer }) => {
    const pools = poolsOf(worker);
    if (pools === null || pools.includes(offer.pool)) return false;
    if (isToBeLogged(worker)) {
      logger.error('a worker offers a pool that its certificate was not made for; it gets nothing', {
        worker,
        host: offer.hostname,
        pool: offer.pool,
        pools: pools.join(', '),
      });
    }
    const why = `the certificate of ${worker} is for ${pools.join(', ')}, and ${offer.hostname} offers the pool ${offer.pool} (worker.pool; groundcrew credentials issue makes another one)`;
    const missed = 'a worker could not be told that its pool is another; it will be at its next hello';
    await tellWorker({ queue, logger }, worker, refusalFor(offer, why), { missed });
    return true;
  };
}
