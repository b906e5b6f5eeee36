import { createHash } from 'node:crypto';
import { existsSync, type FSWatcher, realpathSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { createBell } from '../base/bell.ts';
import { sleep, type Clock } from '../base/clock.ts';
import { readTextFile } from './read-yaml.ts';

/** An editor writes in several steps, Kubernetes swaps a link: it is looked at after this without a further event (ms). */
const settleMs = 200;
/** Something else may write in that directory all the time; after so many pauses it is looked at all the same. */
const mostPauses = 5;
/** The net under the watches, for file systems that tell nothing (ms). */
const pollMs = 10_000;

/**
 * Calls `hear` when the bytes of a file are others than before, or the file came or went, until the signal aborts. Directories
 * are watched, not the file: renames over it and swapped links (also of a directory that a link leads through, as in a
 * mounted ConfigMap) replace it without touching it. A file that is
 * there is told at once, too: it may have changed since the caller read it.
 */
export async function watchFile(
  watched: {
    readonly file: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
  hear: (isThere: boolean) => void,
): Promise<void> {
  const { file, clock, signal } = watched;
  const bell = createBell(clock);
  let events = 0;
  using watching = createDirectoryWatches(() => {
    events += 1;
    bell.ring();
  });
  let known: string | null = null;
  while (!signal.aborted) {
    // Watched before it is looked at: what changes in between is seen by one of the two.
    watching.follow(new Set([dirname(file), dirname(realOf(file))]));
    bell.reset();
    const found = printOf(file);
    if (found !== known) {
      known = found;
      hear(found !== null);
    }
    await bell.wait(pollMs, signal);
    for (let pause = 0, seen = -1; pause < mostPauses && seen !== events && !signal.aborted; pause += 1) {
      seen = events;
      await sleep(clock, settleMs, signal);
    }
  }
}

/** What the bytes of a file are, or why they cannot be read; null: there is no such file. */
function printOf(file: string): string | null {
  try {
    return createHash('sha256').update(readTextFile(file)).digest('hex');
  } catch (error) {
    return existsSync(file) ? String(error) : null;
  }
}

interface DirectoryWatches extends Disposable {
  /** Watches these directories and no others; one that cannot be watched is left to the poll. */
  follow(wanted: ReadonlySet<string>): void;
}

function createDirectoryWatches(onEvent: () => void): DirectoryWatches {
  const watchers = new Map<string, FSWatcher>();
  const drop = (dir: string): void => {
    watchers.get(dir)?.close();
    watchers.delete(dir);
  };
  return {
    follow(wanted) {
      for (const dir of [...watchers.keys()]) if (!wanted.has(dir)) drop(dir);
      for (const dir of wanted) {
        if (watchers.has(dir)) continue;
        try {
          const watcher = watch(dir, { persistent: false }, onEvent);
          watcher.on('error', () => {
            drop(dir);
          });
          watchers.set(dir, watcher);
        } catch {
          // Not there yet, or too many watches on this machine.
        }
      }
    },
    [Symbol.dispose]() {
      for (const dir of [...watchers.keys()]) drop(dir);
    },
  };
}

function realOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
