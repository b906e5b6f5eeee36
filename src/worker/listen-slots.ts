import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Answer, Consumer, Delivery, Queue } from '../queue/queue.ts';
import type { Slot } from './slot.ts';

/** What listening needs. */
export interface SlotListening {
  readonly queue: Queue;
  readonly queues: readonly string[];
  readonly logger: Logger;
  readonly take: (slot: Slot, delivery: Delivery) => Promise<Answer>;
}

/** One consumer a queue for each free slot (R2). A queue that cannot be listened to is so at the next call. */
export function listenSlots(slots: readonly Slot[], { queue, queues, logger, take }: SlotListening): void {
  for (const slot of slots) {
    if (slot.isTaken) continue;
    const { consumers } = slot;
    for (const name of queues) {
      if (consumers.has(name)) continue;
      const pending: Consumer = {
        cancel: async () => {
          await (await started)?.cancel();
        },
      };
      const started = queue
        .consume(name, (delivery) => take(slot, delivery))
        .catch((error: unknown) => {
          logger.warn('cannot listen to a queue', { queue: name, why: errorLine(error) });
          if (consumers.get(name) === pending) consumers.delete(name);
          return null;
        });
      // Before anybody awaits, so that a second call does not consume twice.
      consumers.set(name, pending);
    }
  }
}
