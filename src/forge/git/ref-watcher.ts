import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';

/** Watches the files in which a repository keeps its refs. A convenience: what it misses, a poll finds. */
export interface RefWatcher extends AsyncDisposable {
  /** Watches this repository, and directories that have appeared since. Never fails. */
  follow(gitDir: string): Promise<void>;
}

/** inotify watches are few on some machines; beyond this many directories the poll has to do. */
const mostDirectories = 256;

/** `onChange` is called `settleMs` after the first of a burst of changes. */
export function openRefWatcher(clock: Clock, settleMs: number, onChange: () => void): RefWatcher {
  const watchers = new Map<string, FSWatcher>();
  let timer: Timer | null = null;
  let followed: string | null = null;
  let isClosed = false;

  const changed = (): void => {
    timer ??= clock.after(settleMs, () => {
      timer = null;
      if (isClosed) return;
      // A branch `a/b` makes a new directory, which has to be watched too.
      if (followed !== null) void follow(followed);
      onChange();
    });
  };
  const drop = (dir: string): void => {
    watchers.get(dir)?.close();
    watchers.delete(dir);
  };
  const add = (dir: string, isRelevant: (file: string) => boolean): boolean => {
    if (isClosed || watchers.has(dir) || watchers.size >= mostDirectories) return false;
    try {
      const watcher = watch(dir, { persistent: false }, (_event, file) => {
        if (file === null || isRelevant(file)) changed();
      });
      watcher.on('error', () => {
        drop(dir);
      });
      watchers.set(dir, watcher);
      return true;
    } catch {
      return false;
    }
  };
  const addBelow = async (dir: string): Promise<void> => {
    // Listed after watching, so a directory made in between is seen by one of the two.
    add(dir, (file) => !file.endsWith('.lock'));
    if (watchers.size >= mostDirectories) return;
    const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await addBelow(join(dir, entry.name));
  };
  const follow = async (gitDir: string): Promise<void> => {
    if (followed !== gitDir) for (const dir of watchers.keys()) drop(dir);
    followed = gitDir;
    for (const dir of watchers.keys()) {
      // A directory that was removed and made again needs a new watch; the old one is deaf.
      const isThere = await readdir(dir).then(
        () => true,
        () => false,
      );
      if (!isThere) drop(dir);
    }
    add(gitDir, (file) => file === 'HEAD' || file === 'packed-refs' || file === 'refs');
    add(join(gitDir, 'refs'), () => true);
    await addBelow(join(gitDir, 'refs/heads'));
    await addBelow(join(gitDir, 'refs/pull'));
    add(join(gitDir, 'reftable'), (file) => !file.endsWith('.lock'));
  };
  return {
    follow,
    [Symbol.asyncDispose]() {
      isClosed = true;
      timer?.cancel();
      for (const dir of [...watchers.keys()]) drop(dir);
      return Promise.resolve();
    },
  };
}
