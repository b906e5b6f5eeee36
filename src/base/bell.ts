import type { Clock } from './clock.ts';

/** Wakes one loop. A ring that comes while nobody waits is kept for the next wait. */
export interface Bell {
  ring(): void;
  /** Rings from before now are answered by what the loop is about to do. */
  reset(): void;
  /** Resolves at the next ring since `reset`, after `delayMs` (null: never), or at the abort. Leaves no listener behind. */
  wait(delayMs: number | null, signal: AbortSignal): Promise<void>;
}

export function createBell(clock: Clock): Bell {
  let isRung = false;
  let answer: () => void = () => undefined;
  return {
    ring() {
      isRung = true;
      answer();
    },
    reset() {
      isRung = false;
    },
    wait: (delayMs, signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          timer?.cancel();
          signal.removeEventListener('abort', done);
          answer = () => undefined;
          resolve();
        };
        const timer = delayMs === null ? null : clock.after(delayMs, done);
        answer = done;
        signal.addEventListener('abort', done, { once: true });
        if (isRung || signal.aborted) done();
      }),
  };
}
