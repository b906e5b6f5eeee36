/** At most so many at once, in the order of asking. */
export interface Turns {
  /** Resolves with what gives the turn back (twice is harmless), or with null when `signal` aborts before it came. */
  take(signal: AbortSignal): Promise<(() => void) | null>;
}

export function createTurns(most: number): Turns {
  let free = most;
  const waiting: { readonly signal: AbortSignal; readonly start: () => void }[] = [];
  const giveBack = (): void => {
    free += 1;
    const next = waiting.shift();
    next?.start();
  };
  const takeNow = (): (() => void) => {
    free -= 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      giveBack();
    };
  };
  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(null);
      if (free > 0) return Promise.resolve(takeNow());
      return new Promise((resolve) => {
        const giveUp = (): void => {
          const at = waiting.indexOf(entry);
          if (at >= 0) waiting.splice(at, 1);
          resolve(null);
        };
        const entry = {
          signal,
          start: () => {
            signal.removeEventListener('abort', giveUp);
            resolve(takeNow());
          },
        };
        waiting.push(entry);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
  };
}
