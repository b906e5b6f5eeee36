import { collectorQueue } from '../../core/queue-plan.ts';

/** Where a message goes in the broker. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * The only way from workers to the server: bound to the `collector` queue. A right to publish to the default exchange, which
 * reaches every queue by its name, would be a right to invent work and to forge dead letters.
 */
export const collectorExchange = 'groundcrew.collector';

/** Exclusive to the connection of the one server (R15). */
export const serverQueue = 'groundcrew.server';

/** Every exchange of ours is a durable fan-out: who may read it, and so bind a queue to it, is all there is to say. */
export const exchangeType = 'fanout';

/** What is told to one worker, or to `all` that listen. */
export function controlExchange(to: string): string {
  return to === 'all' ? 'groundcrew.to-all' : `groundcrew.to.${to}`;
}

/**
 * The queue that a worker listens on, new for each connection: after a cut the broker holds the old one for a while. `id` is 12
 * hex digits, so that no worker's queue is within the pattern of another's, whatever they are called.
 */
export function controlQueue(worker: string, id: string): string {
  return `groundcrew.control.${worker}.${id}`;
}

/** Random bytes in `controlQueue`'s id. */
export const controlIdBytes = 6;

/** How to publish to a queue. */
export function routeTo(queue: string): Route {
  return queue === collectorQueue
    ? { exchange: collectorExchange, routingKey: '' }
    : { exchange: '', routingKey: queue };
}
