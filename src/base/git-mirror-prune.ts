import { existsSync, utimesSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { discard } from './git-mirror-files.ts';
import { tryProcessLock } from './process-lock.ts';

/** Notes that a mirror is in use. There need not be one yet. */
export function markMirrorUsed(gitDir: string, now: number): void {
  if (!existsSync(gitDir)) return;
  try {
    utimesSync(gitDir, now / 1000, now / 1000);
  } catch {
    // Just removed by another process, or not ours to mark: a mirror too few is fetched anew.
  }
}

/**
 * Removes the mirrors below `cacheDir` that nobody used for `unusedMs`, and what an interrupted removal or creation left.
 * Each under the lock that fetches hold; one that is being fetched is left alone. Somebody who just began to read one finds it
 * gone and has it built anew, as for a damaged one. Returns how many went.
 */
export async function pruneMirrors(
  cacheDir: string,
  options: { readonly unusedMs: number; readonly clock: Clock },
): Promise<number> {
  const names = await readdir(cacheDir).catch(() => []);
  let removed = 0;
  for (const name of new Set(names.map((entry) => /^[0-9a-f]+\.git/.exec(entry)?.[0]))) {
    if (name === undefined) continue;
    const gitDir = join(cacheDir, name);
    const isOld = async (): Promise<boolean> => {
      const usedAt = (await stat(gitDir).catch(() => null))?.mtimeMs;
      return usedAt !== undefined && usedAt < options.clock.now() - options.unusedMs;
    };
    const hasLeftovers = names.some((entry) => entry.startsWith(`${name}.part`) || entry.startsWith(`${name}.trash-`));
    if (!hasLeftovers && !(await isOld())) continue;
    // The lock file stays, for who waits for it must find the same one; it is empty.
    const lock = tryProcessLock(`${gitDir}.lock`);
    if (lock === null) continue;
    try {
      if (await isOld()) {
        await discard(gitDir, `old-${process.pid}`);
        removed += 1;
      }
      for (const entry of await readdir(cacheDir)) {
        if (entry !== `${name}.part` && !entry.startsWith(`${name}.trash-`)) continue;
        await rm(join(cacheDir, entry), { recursive: true, force: true });
      }
    } finally {
      await lock.release();
    }
  }
  return removed;
}
