import { sleep, type Clock } from '../../base/clock.ts';
import { errorLine } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { backoffMs } from '../../base/retry.ts';
import { onLine } from './calls.ts';
import type { Line } from './line.ts';
import type { Session } from './session.ts';

const again = { firstMs: 200, mostMs: 10_000, factor: 2 };

/** Something that the broker knows of us on one session: a consumer, a listener, a lock. */
export interface Registration {
  /** Resolves when the broker does not know of it any more. */
  readonly lost: Promise<unknown>;
  /** Takes it back. Never rejects. */
  end(): Promise<void>;
}

/** What a lasting registration needs. */
export interface KeepOptions {
  readonly line: Line;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The queue, for messages. */
  readonly queue: string;
  readonly register: (session: Session) => Promise<Registration>;
}

/**
 * Registers, and again whenever the registration was lost, until it is ended or the line is closed. Resolves when it is
 * registered for the first time.
 * @throws GroundcrewError `queue/…` when the first time fails.
 */
export async function keepRegistered(options: KeepOptions): Promise<{ end(): Promise<void> }> {
  const { line, queue, register } = options;
  const ending = new AbortController();
  const ended = new Promise<void>((resolve) => {
    ending.signal.addEventListener('abort', () => {
      resolve();
    });
  });
  let current = await onLine(line, queue, register);
  const keep = async (): Promise<void> => {
    for (;;) {
      await Promise.race([current.lost, ended]);
      const next = await registerAgain(options, ending.signal);
      if (next === null) return;
      current = next;
    }
  };
  void keep();
  return {
    async end() {
      ending.abort();
      await current.end();
    },
  };
}

async function registerAgain(options: KeepOptions, ending: AbortSignal): Promise<Registration | null> {
  const { line, clock, random, logger, queue, register } = options;
  for (let tries = 1; !ending.aborted; tries += 1) {
    const session = await line.whenUp();
    // Aborted meanwhile, for all the compiler knows.
    if (session === null || isAborted(ending)) return null;
    try {
      const next = await register(session);
      if (!isAborted(ending)) return next;
      await next.end();
    } catch (error) {
      if (session.isOver) continue;
      if (tries === 1) logger.warn('cannot listen to a queue; trying again', { queue, why: errorLine(error) });
      await sleep(clock, backoffMs(again, tries, random), ending);
    }
  }
  return null;
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
