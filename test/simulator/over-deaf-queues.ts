import { sleep, type Clock } from '../../src/base/clock.ts';
import { isGroundcrewError } from '../../src/base/errors.ts';
import { isJobQueue } from '../../src/core/queue-plan.ts';
import { createDeafQueues } from '../../src/queue/amqp/deaf-queues.ts';
import type { Message, Queue, QueueOptions } from '../../src/queue/queue.ts';

/** As `amqp-queue.ts` has it. */
const remakeAfterMs = 1_000;

/**
 * The server's queue with what its adapter does about queues that are gone, or take no orders (`amqp-queue.ts`): those of orders are
 * removed and made again. The process may die between any two of its calls.
 */
export function overDeafQueues(queue: Queue, remove: (name: string) => Promise<void>, clock: Clock): Queue {
  const declared = new Map<string, QueueOptions>();
  const deaf = createDeafQueues(clock);

  /** False: there is no such queue, maybe any more. */
  const publishOrRemove = async (name: string, message: Message): Promise<boolean> => {
    const sentAt = clock.monotonic();
    try {
      await queue.publish(name, message);
      deaf.heard(name);
      return true;
    } catch (error) {
      if (isGroundcrewError(error, 'queue/not-declared')) return false;
      const isOurs = declared.has(name) && isJobQueue(name);
      if (!isGroundcrewError(error, 'queue/not-stored') || !isOurs || !deaf.refused(name, sentAt)) throw error;
      await remove(name);
      deaf.heard(name);
      return false;
    }
  };

  const remake = async (name: string): Promise<void> => {
    const options = declared.get(name);
    if (options === undefined) return;
    await sleep(clock, remakeAfterMs);
    await queue.declare(name, options);
  };

  return {
    ...queue,
    async declare(name, options) {
      const before = await queue.declare(name, options);
      declared.set(name, options);
      return before;
    },
    async publish(name, message) {
      if (await publishOrRemove(name, message)) return;
      await remake(name);
      await queue.publish(name, message);
    },
    async purge(name) {
      try {
        await queue.purge(name);
      } catch (error) {
        if (!isGroundcrewError(error, 'queue/failed') || !isJobQueue(name)) throw error;
        await remove(name);
        await remake(name);
      }
    },
  };
}
