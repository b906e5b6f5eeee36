import { sleep } from '../../base/clock.ts';
import { GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import { codeOf } from './amqp-error.ts';
import { keepRegistered, type KeepOptions } from './kept.ts';
import { serverQueue } from './topology.ts';

/** How often we ask for a place that is taken. */
const askAgainMs = 1_000;

/** How the place is held. */
export interface HoldOptions extends Omit<KeepOptions, 'queue' | 'register'> {
  /** For how long the broker may take a connection for alive that is not. */
  readonly overlapMs: number;
  /** Ends the wait for a place that is taken at first. */
  readonly signal: AbortSignal | null;
  /** Hears once when another server took the place while we were cut off. */
  readonly onLost: (error: GroundcrewError) => void;
}

/**
 * Holds the queue that only one connection of a virtual host can have, as long as the line lives. The broker may still hold
 * an earlier connection, ours before a reconnect or that of a server whose machine or line died, so we try for `overlapMs`;
 * who has the queue then is another server.
 * @throws GroundcrewError `queue/server-held`: another server has it, and had it all the time.
 */
export async function holdServerQueue(options: HoldOptions): Promise<void> {
  const { clock, logger, overlapMs, signal } = options;
  const giveUpAt = clock.monotonic() + overlapMs;
  for (let tries = 1; ; tries += 1) {
    try {
      await keepHolding(options);
      return;
    } catch (error) {
      const isOver = signal?.aborted === true || clock.monotonic() + askAgainMs > giveUpAt;
      if (isOver || !isGroundcrewError(error, 'queue/server-held')) throw error;
      if (tries === 1) {
        logger.warn('the broker holds the place for another server; waiting, since it may be one that died', {
          forMs: overlapMs,
        });
      }
      await sleep(clock, askAgainMs, signal ?? undefined);
    }
  }
}

async function keepHolding(options: HoldOptions): Promise<void> {
  const { overlapMs, onLost } = options;
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
