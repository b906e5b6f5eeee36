import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { messageSpeaker } from '../core/message-speaker.ts';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import { collectorQueue, parkedQueue } from '../core/queue-plan.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Answer, Consumer, Delivery, Queue } from '../queue/queue.ts';

/** Looked at in one go. */
const perLook = 100;

/** What an earlier version of us could not read and we can, or what could not be applied then, is on its way again. */
async function tryAgain({ queue, ledger, logger }: Parameters<typeof keepParked>[0]): Promise<void> {
  let after = 0;
  let sent = 0;
  for (;;) {
    const some = await ledger.parked(after, perLook);
    for (const { id, body } of some) {
      after = id;
      if (decodeMessage(workerMessageSchema, body) === null) continue;
      await queue.publish(collectorQueue, { body });
      await ledger.unpark(id);
      sent += 1;
    }
    if (some.length < perLook) break;
  }
  if (sent > 0) logger.info('messages that were set aside are tried again', { messages: sent });
}

/**
 * Brings what was set aside into the ledger, where people look at it. A ledger that has enough of it leaves the rest in the
 * broker until somebody has looked (`groundcrew queue --parked`) and the server starts anew.
 */
export async function keepParked(
  deps: {
    readonly queue: Queue;
    readonly ledger: Pick<Ledger, 'park' | 'parked' | 'unpark'>;
    readonly clock: Clock;
    readonly logger: Logger;
  },
  handled: (delivery: Delivery, work: () => Promise<Answer>) => Promise<Answer>,
): Promise<void> {
  const { queue, ledger, clock, logger } = deps;
  await tryAgain(deps);
  let consumer: Consumer | null = null;
  let isFull = false;
  const keep = async ({ body, death }: Delivery): Promise<Answer> => {
    const worker = messageSpeaker(body)?.worker ?? null;
    if (await ledger.park({ body, worker, why: death?.reason ?? 'rejected', at: clock.now() })) return 'ack';
    isFull = true;
    logger.error('too much is set aside; the rest stays in the broker until somebody has looked', {
      queue: parkedQueue,
    });
    // First, or it would be handed out to us again at once.
    await consumer?.cancel();
    return 'retry';
  };
  consumer = await queue.consume(parkedQueue, (delivery) => handled(delivery, () => keep(delivery)));
  if (isFull) await consumer.cancel();
}
