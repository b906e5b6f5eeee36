import { errorLine } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { Message } from '../queue.ts';
import type { Registration } from './kept.ts';
import { bodyOf } from './message-headers.ts';
import { controlExchange, type Session } from './session.ts';

/** Who listens, and what hears it. */
export interface ControlListener {
  readonly worker: string;
  readonly hear: (message: Message) => void;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Listens on a queue of our own that the broker deletes with our connection. Its name is new each time: after a cut the
 * broker may hold the old connection, and with it the old queue, for a while.
 */
export async function listenToControl(session: Session, listener: ControlListener): Promise<Registration> {
  const { worker, hear, random, logger } = listener;
  await session.declareControl();
  const channel = await session.openChannel();
  const queue = `${controlExchange}.${worker}.${random.hex(6)}`;
  const { promise: lost, resolve: lose } = Promise.withResolvers<null>();
  void channel.gone.then(() => {
    lose(null);
  });
  let isEnded = false;
  try {
    await channel.raw.queueDeclare({ queue, exclusive: true, autoDelete: true, durable: false });
    for (const routingKey of [worker, 'all']) {
      await channel.raw.queueBind({ queue, exchange: controlExchange, routingKey });
    }
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
