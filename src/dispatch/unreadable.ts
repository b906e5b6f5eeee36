import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { messageSpeaker } from '../core/message-speaker.ts';
import { protocolVersion, type ControlMessage } from '../core/worker-message.ts';
import type { Delivery, Queue } from '../queue/queue.ts';

/** Told so often at most (ms): it speaks each few seconds, and says the same. */
const tellAgainMs = 10_000;
const mostRemembered = 10_000;

/** Tells whoever speaks another version that we do not understand it. The message itself is set aside by the caller. */
export function createRefusing({
  queue,
  clock,
  logger,
}: {
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): (delivery: Pick<Delivery, 'body' | 'from'>) => Promise<void> {
  const toldAt = new Map<string, number>();
  return async ({ body, from }) => {
    const speaker = messageSpeaker(body);
    logger.warn('a worker message could not be read; it is set aside', {
      bytes: body.length,
      worker: speaker?.worker,
      v: speaker?.v,
    });
    if (speaker === null || speaker.v === protocolVersion) return;
    const worker = from ?? speaker.worker;
    const before = toldAt.get(worker);
    if (before !== undefined && clock.monotonic() - before < tellAgainMs) return;
    if (toldAt.size >= mostRemembered) toldAt.clear();
    toldAt.set(worker, clock.monotonic());
    const why = `it speaks version ${String(speaker.v)} of the protocol`;
    const message: ControlMessage = { v: 1, kind: 'refused', why, speaks: [protocolVersion] };
    try {
      await queue.sendControl(worker, { body: JSON.stringify(message) });
    } catch (error) {
      logger.warn('a worker could not be told that we do not understand it', { worker, why: errorLine(error) });
    }
  };
}
