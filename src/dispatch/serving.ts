import type { Logger } from '../base/logger.ts';
import { mayServeQueue } from '../core/queue-plan.ts';
import type { ControlMessage, WorkerOffer } from '../core/worker-message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Presence } from './presence.ts';
import { tellWorker } from './tell-worker.ts';

/** More than this no worker is told of. */
const mostQueues = 1_000;

/** Tells workers which job queues there are, so that they need not listen to a queue for every subset of what they can do. */
export interface Serving {
  /** This queue is there. Who may serve it and is here hears of it at once, others with the answer to their next `hello`. */
  opened(queue: string): void;
  /** The answer to a `hello`. */
  tell(worker: string, offer: WorkerOffer): Promise<void>;
}

export function createServing({
  queue,
  presence,
  logger,
}: {
  readonly queue: Queue;
  readonly presence: Presence;
  readonly logger: Logger;
}): Serving {
  const known = new Set<string>();
  const tell = async (worker: string, { pool, capabilities, hostname, installation }: WorkerOffer): Promise<void> => {
    const queues = [...known].filter((name) => mayServeQueue(name, pool, capabilities)).sort();
    const to = { host: hostname, ...(installation === undefined ? {} : { installation }) };
    const message: ControlMessage = { v: 1, kind: 'serve', queues: queues.slice(0, mostQueues), ...to };
    const missed = 'a worker could not be told of its queues; it will be at its next hello';
    await tellWorker({ queue, logger }, worker, message, { missed });
  };
  return {
    opened(name) {
      if (known.has(name)) return;
      known.add(name);
      for (const [worker, offer] of presence.live()) {
        if (mayServeQueue(name, offer.pool, offer.capabilities)) void tell(worker, offer);
      }
    },
    tell,
  };
}
