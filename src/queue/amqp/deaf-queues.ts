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
  /**
   * It refused one that was sent at `sentAt` (monotonic); true when it has taken nothing for a minute. Without a leader the broker
   * takes 65 s to say so: then the first refusal is enough.
   */
  refused(queue: string, sentAt: number): boolean;
}

export function createDeafQueues(clock: Pick<Clock, 'monotonic'>, afterMs = deafForMs): DeafQueues {
  /** Of the first message since then that was refused later on. */
  const since = new Map<string, number>();
  const heardAt = new Map<string, number>();
  return {
    heard(queue) {
      since.delete(queue);
      heardAt.set(queue, clock.monotonic());
    },
    refused(queue, sentAt) {
      const began = since.get(queue) ?? Math.max(sentAt, heardAt.get(queue) ?? sentAt);
      since.set(queue, began);
      return clock.monotonic() - began >= afterMs;
    },
  };
}
