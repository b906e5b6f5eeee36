import type { Clock } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';

/** How long something may take, and who else may end it. `what` is what the error names. */
export interface TimeLimit {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly what: string;
}

/**
 * Does `work` with a signal that aborts after `limitMs`, or with the outer one; rejects then, whether or not `work` listens,
 * so that what hangs holds up nobody else.
 * @throws GroundcrewError `intake/too-slow`, `intake/stopped` when the outer signal aborted
 */
export async function withinTime<T>(limit: TimeLimit, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, limitMs, signal, what } = limit;
  const own = new AbortController();
  let stop: () => void = () => undefined;
  const over = new Promise<never>((_resolve, reject) => {
    const end = (error: GroundcrewError): void => {
      own.abort(error);
      reject(error);
    };
    const timer = clock.after(limitMs, () => {
      const message = `${what} took longer than ${String(Math.round(limitMs / 1000))} s`;
      end(new GroundcrewError('intake/too-slow', message, { retry: 'later' }));
    });
    const onAbort = (): void => {
      end(new GroundcrewError('intake/stopped', `${what} was stopped`, { retry: 'later' }));
    };
    stop = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  over.catch(() => undefined);
  try {
    return await Promise.race([over, ...(own.signal.aborted ? [] : [work(own.signal)])]);
  } finally {
    stop();
  }
}
