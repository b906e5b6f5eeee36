import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { messageSpeaker } from '../core/message-speaker.ts';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import { collectorQueue, parkedQueue } from '../core/queue-plan.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Answer, Delivery, Queue } from '../queue/queue.ts';
import { createSeldom } from './seldom.ts';

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

/** The log hears of what is dropped so often at most (ms): who floods us, floods it. */
const logAgainMs = 60_000;
/** Taken at once, so that a flood is taken faster than it grows: they share a commit of the ledger. */
const keepAtOnce = 64;

/**
 * Brings what was set aside into the ledger, where people look at it (`groundcrew queue --parked`) and which bounds it: nothing
 * stays in the broker. `identity`: who we are to the broker; what we say again of others is theirs.
 */
export async function keepParked(
  deps: {
    readonly queue: Queue;
    readonly ledger: Pick<Ledger, 'park' | 'parked' | 'unpark'>;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly identity?: string | null;
  },
  handled: (delivery: Delivery, work: () => Promise<Answer>) => Promise<Answer>,
): Promise<void> {
  const { queue, ledger, clock, logger, identity = null } = deps;
  await tryAgain(deps);
  const isToBeLogged = createSeldom(clock, logAgainMs);
  const keep = async ({ body, death, from }: Delivery): Promise<Answer> => {
    // Whom the broker vouches for, so that nobody fills another one's share.
    const worker = from === null || from === identity ? (messageSpeaker(body)?.worker ?? null) : from;
    const dropped = await ledger.park({ body, worker, why: death?.reason ?? 'rejected', at: clock.now() });
    if (dropped > 0 && isToBeLogged(parkedQueue)) {
      logger.error('too much is set aside; the oldest of the worker with most of it is dropped and counted', {
        dropped,
        worker: worker ?? 'unknown',
      });
    }
    return 'ack';
  };
  await queue.consume(parkedQueue, (delivery) => handled(delivery, () => keep(delivery)), { prefetch: keepAtOnce });
}
