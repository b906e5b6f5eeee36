import type { Clock } from '../../base/clock.ts';

/** Longer than a broker needs to choose a leader anew, and than a node of a cluster needs to come back. */
const deafForMs = 60_000;

/**
 * Remembers which queues take no messages. RabbitMQ 3.10 leaves a quorum queue without a leader for ever when it is killed in the
 * moment after the queue was declared (its log is empty, and an empty log waits for an election that nobody calls): every publish
 * is refused, and every consumer closes its connection. Only removing the queue helps.
 */
export interface DeafQueues {
  /** It took a message. */
  heard(queue: string): void;
  /** It refused one; true when it has done nothing else for a minute. */
  refused(queue: string): boolean;
}

export function createDeafQueues(clock: Pick<Clock, 'monotonic'>, afterMs = deafForMs): DeafQueues {
  const since = new Map<string, number>();
  return {
    heard(queue) {
      since.delete(queue);
    },
    refused(queue) {
      const began = since.get(queue);
      if (began === undefined) since.set(queue, clock.monotonic());
      return began !== undefined && clock.monotonic() - began >= afterMs;
    },
  };
}
