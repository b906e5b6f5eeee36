import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import { removeTrees, type Removal } from '../base/remove-tree.ts';

/** So many directories go in one program at most: their names must fit into its arguments. */
const mostAtOnce = 200;

/** Removes directories, those that come within a moment by one program: starting it costs more than removing a small tree. */
export interface TreeRemover {
  /** Resolves when it is gone, or cannot be removed; never rejects. */
  remove(dir: string): Promise<Removal>;
}

interface Waiting {
  readonly dir: string;
  readonly done: (removal: Removal) => void;
}

/**
 * `gatherMs`: the first one waits so long for company; 0 waits for nobody. `togetherMs`: after so long each that is not gone goes by
 * itself. `path`: where `rm` is looked for.
 */
export function createTreeRemover(options: {
  readonly gatherMs: number;
  readonly clock: Clock;
  readonly togetherMs?: number;
  readonly path?: string;
}): TreeRemover {
  const { gatherMs, clock } = options;
  const call = { togetherMs: 5_000, ...options };
  let waiting: Waiting[] = [];
  const go = (): void => {
    const all = waiting;
    waiting = [];
    for (let first = 0; first < all.length; first += mostAtOnce) {
      const some = all.slice(first, first + mostAtOnce);
      const removals = removeTrees(
        some.map(({ dir }) => dir),
        call,
      );
      for (const [at, { done }] of some.entries()) {
        removals[at]?.then(done, (error: unknown) => {
          done({ kind: 'left', detail: errorLine(error) });
        });
      }
    }
  };
  return {
    remove: (dir) =>
      new Promise((resolve) => {
        waiting.push({ dir, done: resolve });
        if (gatherMs <= 0) go();
        else if (waiting.length === 1) {
          clock.after(gatherMs, go);
        }
      }),
  };
}
