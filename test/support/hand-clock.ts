import type { Clock, Timer } from '../../src/base/clock.ts';

/** A clock that a test moves by hand. */
export interface HandClock extends Clock {
  /** Moves on by `ms`, firing what falls due on the way, in order. */
  pass(ms: number): void;
  /** How many timers wait. */
  readonly waiting: number;
}

/** Begins at `startAt` (epoch ms). */
export function createHandClock(startAt = 1_800_000_000_000): HandClock {
  let now = startAt;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    monotonic: () => now - startAt,
    after(delayMs, fire): Timer {
      const timer = { at: now + Math.max(0, delayMs), fire };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    pass(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = next.at;
        next.fire();
      }
      now = until;
    },
    get waiting() {
      return timers.size;
    },
  };
}
