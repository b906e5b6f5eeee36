import { GroundcrewError } from '../../../base/errors.ts';

/** Lets equal work that is under way be done once for all who ask. */
export interface Sharing<T> {
  /**
   * Joins the work of this key, or starts it. Who aborts leaves at once with `forge/aborted`; when the last has left, the work
   * is aborted. `onShared` is called when somebody joins what another began.
   */
  join(
    key: string,
    signal: AbortSignal,
    work: { readonly start: (signal: AbortSignal) => Promise<T>; readonly onShared: () => void },
  ): Promise<T>;
}

interface Shared<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  members: number;
}

export function createSharing<T>(): Sharing<T> {
  const running = new Map<string, Shared<T>>();
  return {
    async join(key, signal, { start, onShared }) {
      if (signal.aborted) throw leftError();
      let shared = running.get(key);
      if (shared === undefined) {
        const stop = new AbortController();
        const result = start(stop.signal).finally(() => {
          if (running.get(key)?.stop === stop) running.delete(key);
        });
        // Whoever left does not hear how it ended.
        result.catch(() => undefined);
        shared = { result, stop, members: 0 };
        running.set(key, shared);
      } else {
        onShared();
      }
      const mine = shared;
      mine.members += 1;
      let leave = (): void => undefined;
      const left = new Promise<never>((_, reject) => {
        leave = () => {
          reject(leftError());
        };
      });
      signal.addEventListener('abort', leave, { once: true });
      try {
        return await Promise.race([mine.result, left]);
      } finally {
        signal.removeEventListener('abort', leave);
        mine.members -= 1;
        if (mine.members === 0) {
          // Nobody may join what is being given up.
          if (running.get(key) === mine) running.delete(key);
          mine.stop.abort();
        }
      }
    },
  };
}

function leftError(): GroundcrewError {
  return new GroundcrewError('forge/aborted', 'a request to GitHub was given up by whoever asked for it', {
    retry: 'later',
  });
}
