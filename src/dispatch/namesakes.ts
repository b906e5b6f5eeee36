import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { protocolVersion, type ControlMessage, type Hello, type WorkerOffer } from '../core/worker-message.ts';
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

/** To this machine alone. */
export function refusalFor({ hostname, installation }: WorkerOffer, why: string): ControlMessage {
  const to = { host: hostname, ...(installation === undefined ? {} : { installation }) };
  return { v: 1, kind: 'refused', why, speaks: [protocolVersion], ...to };
}

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
    const first = presence.namesakeOf(worker, offer);
    if (first === null) return false;
    if (isToBeLogged(worker)) {
      logger.error('two machines work under one name; the second gets nothing', {
        worker,
        first,
        second: offer.hostname,
      });
    }
    const second = offer.hostname;
    const which =
      first === second
        ? `another machine with the host name ${first} (the disk of one is a copy of the other's, or this one was just booted)`
        : `the machine ${first}`;
    const why = `${which} works under the name ${worker} already; give this one, ${second}, another (worker.name, and a certificate), or wait until the other was silent for 75 s`;
    const message = refusalFor(offer, why);
    const missed = 'a worker could not be told that its name is taken; it will be at its next hello';
    await tellWorker({ queue, logger }, worker, message, { missed });
    return true;
  };
}
