import { GroundcrewError } from '../../base/errors.ts';
import { codeOf } from './amqp-error.ts';
import { keepRegistered, type KeepOptions } from './kept.ts';
import { serverQueue } from './topology.ts';

/**
 * Holds the queue that only one connection of a virtual host can have, as long as the line lives. After a reconnect the
 * broker may still hold our own earlier connection, so we try again for `overlapMs`; who has the queue then is another
 * server, and `onLost` hears of it once.
 * @throws GroundcrewError `queue/server-held`: another server has it now.
 */
export async function holdServerQueue(
  options: Omit<KeepOptions, 'queue' | 'register'>,
  overlapMs: number,
  onLost: (error: GroundcrewError) => void,
): Promise<void> {
  let wasHeld = false;
  let isLost = false;
  let lockedSince: number | null = null;
  await keepRegistered({
    ...options,
    queue: serverQueue,
    async register(session) {
      try {
        await session.withChannel((channel) =>
          channel.queueDeclare({ queue: serverQueue, exclusive: true, autoDelete: false, durable: false }),
        );
      } catch (cause) {
        if (codeOf(cause) !== 'RESOURCE_LOCKED') throw cause;
        const error = heldError(cause);
        const now = options.clock.monotonic();
        lockedSince ??= now;
        if (wasHeld && !isLost && now - lockedSince >= overlapMs) {
          isLost = true;
          onLost(error);
        }
        throw error;
      }
      wasHeld = true;
      lockedSince = null;
      return { lost: session.over, end: () => Promise.resolve() };
    },
  });
}

function heldError(cause: unknown): GroundcrewError {
  const text = `another server uses this virtual host of the broker: it holds the queue ${serverQueue}`;
  return new GroundcrewError('queue/server-held', text, { cause });
}
