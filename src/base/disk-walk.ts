import { lstatSync, opendirSync, realpathSync, type Dir, type Dirent } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { join } from 'node:path';
import { mountsBelow } from './mounts-below.ts';

/** Between two pauses for whatever else this process does. */
const sliceMs = 4;

/**
 * Adds up what directories take on the disk, in portions. Links are never followed, a file with several names counts by
 * its share, what vanishes meanwhile is left out. One call to the kernel a file, in place: by way of the thread pool it would
 * cost twenty times as much. What a job has mounted below is neither counted nor touched: it takes nothing of this disk, and where its
 * server is a process of the job (FUSE) that does not answer, a look at it would never come back.
 */
export class DiskWalk {
  readonly dirs: readonly string[];
  bytes = 0;
  readonly #ahead: string[];
  readonly #roots: readonly string[];
  readonly #mounts: typeof mountsBelow;
  #mounted: ReadonlySet<string> = new Set();
  #open: Dir | null = null;

  constructor(dirs: readonly string[], mounts = mountsBelow) {
    this.dirs = dirs;
    this.#roots = dirs.map(withoutLinks);
    this.#ahead = [...this.#roots];
    this.#mounts = mounts;
  }

  /** Goes on for about `mostMs` by `now`; true when everything has been counted. */
  async goOn(now: () => number, mostMs: number): Promise<boolean> {
    const until = now() + mostMs;
    let pauseAt = now() + sliceMs;
    this.#mounted = this.#mounts(this.#roots);
    for (;;) {
      try {
        if (!this.#step()) return true;
      } catch {
        // Removed while we looked, or not ours to read: what is below it is left out.
      }
      const at = now();
      if (at >= until) return false;
      if (at < pauseAt) continue;
      await setImmediate();
      pauseAt = now() + sliceMs;
    }
  }

  /** Counts one entry or opens one directory; false when nothing is left. */
  #step(): boolean {
    if (this.#open === null) {
      const next = this.#ahead.pop();
      if (next === undefined) return false;
      this.#open = opendirSync(next, { bufferSize: 256 });
    }
    const dir = this.#open;
    const entry = this.#next(dir);
    if (entry === null) {
      this.close();
      return true;
    }
    const path = join(dir.path, entry.name);
    if (this.#mounted.has(path)) return true;
    if (entry.isDirectory()) this.#ahead.push(path);
    const { blocks, nlink } = lstatSync(path);
    // st_blocks counts 512 bytes, whatever the file system's block (stat(2)).
    this.bytes += (blocks * 512) / (entry.isDirectory() ? 1 : Math.max(1, nlink));
    return true;
  }

  #next(dir: Dir): Dirent | null {
    try {
      return dir.readSync();
    } catch (error) {
      // The rest of it will not be readable either.
      this.close();
      throw error;
    }
  }

  /** Lets go of the directory that is open. */
  close(): void {
    this.#open?.closeSync();
    this.#open = null;
  }
}

function withoutLinks(dir: string): string {
  try {
    return realpathSync.native(dir);
  } catch {
    // Not there, which the walk finds as well.
    return dir;
  }
}
