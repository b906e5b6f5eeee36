import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { workerMessageSchema } from '../core/message-schema.ts';
import { messageSpeaker } from '../core/message-speaker.ts';
import { protocolVersion, type ControlMessage } from '../core/worker-message.ts';
import type { Delivery, Queue } from '../queue/queue.ts';
import { createSeldom } from './seldom.ts';
import { tellWorker } from './tell-worker.ts';

/** Told so often at most (ms): it speaks each few seconds, and says the same. */
const tellAgainMs = 10_000;
/** Characters of what a worker is told. */
const mostWhy = 300;

/** What is wrong with a `hello` of our own version, in a line. */
function wrongShape(body: string): string {
  const [issue] = workerMessageSchema.safeParse(JSON.parse(body)).error?.issues ?? [];
  if (issue === undefined) return 'its hello cannot be read';
  const where = issue.path.map(String).join('.');
  return `its hello cannot be read: ${where}: ${issue.message}`.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, mostWhy);
}

/**
 * Tells whoever speaks another version, or says a `hello` of another shape, that we do not understand it. Any other message of
 * our version that cannot be read keeps nobody from working. The message itself is set aside by the caller.
 */
export function createRefusing({
  queue,
  clock,
  logger,
}: {
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): (delivery: Pick<Delivery, 'body' | 'from'>) => Promise<void> {
  const isToBeTold = createSeldom(clock, tellAgainMs);
  return async ({ body, from }) => {
    const speaker = messageSpeaker(body);
    logger.warn('a worker message could not be read; it is set aside', {
      bytes: body.length,
      worker: speaker?.worker,
      host: speaker?.host ?? undefined,
      v: speaker?.v,
    });
    if (speaker === null || (speaker.v === protocolVersion && speaker.kind !== 'hello')) return;
    const worker = from ?? speaker.worker;
    const { host, installation } = speaker;
    // Each machine by itself: another one of the same name may be one that we understand.
    if (!isToBeTold(`${worker} ${installation ?? host ?? ''}`)) return;
    const why =
      speaker.v === protocolVersion ? wrongShape(body) : `it speaks version ${String(speaker.v)} of the protocol`;
    const to = { ...(host === null ? {} : { host }), ...(installation === null ? {} : { installation }) };
    const message: ControlMessage = { v: 1, kind: 'refused', why, speaks: [protocolVersion], ...to };
    await tellWorker({ queue, logger }, worker, message, {
      missed: 'a worker could not be told that we do not understand it',
    });
  };
}
