import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { Message } from '../queue.ts';
import { codeOf } from './amqp-error.ts';
import type { Registration } from './kept.ts';
import { bodyOf } from './message-headers.ts';
import type { Session } from './session.ts';
import { controlExchange, controlIdBytes, controlQueue } from './topology.ts';

/** Who listens, and what hears it. */
export interface ControlListener {
  readonly worker: string;
  readonly hear: (message: Message) => void;
  readonly random: Random;
  readonly logger: Logger;
}

/** Listens on a queue of our own that the broker deletes with our connection. */
export async function listenToControl(session: Session, listener: ControlListener): Promise<Registration> {
  const { worker, hear, random, logger } = listener;
  const exchanges = [controlExchange(worker), controlExchange('all')];
  for (const exchange of exchanges) await ensure(session, exchange);
  const channel = await session.openChannel();
  const queue = controlQueue(worker, random.hex(controlIdBytes));
  const { promise: lost, resolve: lose } = Promise.withResolvers<null>();
  void channel.gone.then(() => {
    lose(null);
  });
  let isEnded = false;
  try {
    await channel.raw.queueDeclare({ queue, exclusive: true, autoDelete: true, durable: false });
    for (const exchange of exchanges) await channel.raw.queueBind({ queue, exchange });
    await channel.consume(
      queue,
      { prefetch: 0, noAck: true },
      {
        message: ({ body }) => {
          if (isEnded) return;
          try {
            hear({ body: bodyOf(body) });
          } catch (error) {
            logger.warn('a control listener threw', { worker, why: errorLine(error) });
          }
        },
        cancelled: () => void channel.close(),
      },
    );
  } catch (error) {
    void channel.close();
    throw error;
  }
  return {
    lost,
    end: () => {
      isEnded = true;
      return channel.close();
    },
  };
}

/** A worker may make no exchange; `broker setup` made its own when it made its user. */
async function ensure(session: Session, exchange: string): Promise<void> {
  if (await session.hasExchange(exchange)) return;
  try {
    await session.declareExchange(exchange);
  } catch (cause) {
    if (codeOf(cause) !== 'ACCESS_REFUSED') throw cause;
    const text = `the broker has no exchange ${exchange}, and we may not make it; groundcrew broker setup does`;
    throw new GroundcrewError('queue/not-declared', text, { retry: 'later', cause });
  }
}
