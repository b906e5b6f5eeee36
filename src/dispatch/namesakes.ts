import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { protocolVersion, type ControlMessage, type Hello } from '../core/worker-message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Presence } from './presence.ts';
import { createSeldom } from './seldom.ts';
import { tellWorker } from './tell-worker.ts';

/** The log hears of the same two machines so often at most (ms): the second says hello each 30 s. */
const logAgainMs = 10 * 60_000;

/**
 * True when this `hello` comes from a second machine under the name of one that is here; it is told so, and nothing else of it
 * counts. Applied, it would end all that the first one runs (R3), and the next of the first all that the second runs. When the
 * first one is gone (its `bye`, or its silence), the second one's next `hello` is a hello.
 */
export type IsNamesake = (hello: Pick<Hello, 'worker' | 'offer'>) => Promise<boolean>;

export function createNamesakes({
  presence,
  queue,
  clock,
  logger,
}: {
  readonly presence: Pick<Presence, 'namesakeOf'>;
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): IsNamesake {
  const isToBeLogged = createSeldom(clock, logAgainMs);
  return async ({ worker, offer }) => {
    const first = presence.namesakeOf(worker, offer.hostname);
    if (first === null) return false;
    if (isToBeLogged(worker)) {
      logger.error('two machines work under one name; the second gets nothing', {
        worker,
        first,
        second: offer.hostname,
      });
    }
    const why = `the machine ${first} works under the name ${worker} already; give this one another (worker.name, and a certificate)`;
    const message: ControlMessage = { v: 1, kind: 'refused', why, speaks: [protocolVersion], host: offer.hostname };
    const missed = 'a worker could not be told that its name is taken; it will be at its next hello';
    await tellWorker({ queue, logger }, worker, message, { missed });
    return true;
  };
}
