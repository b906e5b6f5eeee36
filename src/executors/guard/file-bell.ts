import { watch, type FSWatcher } from 'node:fs';
import type { Clock } from '../../base/clock.ts';

/** Without the kernel's help we must look ourselves. */
const lookEveryMs = 50;
/** With it a look now and then is for what makes no noise: a guard that was killed. */
const rareLookMs = 2000;

/**
 * Wakes its waiter when a file is written to. It may wake for nothing, so the waiter looks again; a write after `openFileBell`
 * is never slept through for longer than `rareLookMs`.
 */
export interface FileBell {
  /** Resolves after a write since the last wait, or after a while. */
  wait(clock: Clock): Promise<void>;
  close(): void;
}

/** Listens to a file that is there. Where the kernel refuses (inotify(7), its limits), the bell rings every 50 ms. */
export function openFileBell(path: string): FileBell {
  let hasRung = false;
  let wake: (() => void) | null = null;
  const ring = (): void => {
    hasRung = true;
    wake?.();
  };
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(path, { persistent: false }, ring);
    watcher.on('error', () => {
      watcher?.close();
      watcher = null;
    });
  } catch {
    // No such file (any more), or no more watches for this user.
  }
  return {
    async wait(clock) {
      if (!hasRung) {
        await new Promise<void>((resolve) => {
          const timer = clock.after(watcher === null ? lookEveryMs : rareLookMs, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      wake = null;
      hasRung = false;
    },
    close() {
      watcher?.close();
      watcher = null;
    },
  };
}
