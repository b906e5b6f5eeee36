/** A running timer; `cancel` is harmless after it fired. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as an argument. `now` is the wall clock (epoch ms, may step); `monotonic` only grows (ms, arbitrary zero) and is
 * the one to measure silence and time-outs with. The simulator hands in a virtual clock, drifting per process.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Calls `fire` once after `delayMs`. Does not keep the process alive by itself. */
  after(delayMs: number, fire: () => void): Timer;
}

const longestTimerMs = 2 ** 31 - 1;

/** The real clock. Timers longer than 24.8 days are cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), longestTimerMs));
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
};

/** Waits `delayMs`, or less when `signal` aborts: then it resolves early; the caller looks at the signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
