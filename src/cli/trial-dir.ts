import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { tryProcessLock } from '../base/process-lock.ts';
import type { Random } from '../base/random.ts';
import { removeTree } from '../base/remove-tree.ts';
import { runDirName, runLockFile } from '../worker/sweep-dead-runs.ts';
import { ownerOfRun } from './run-job-here.ts';

/** Where executors are tried, and whose what they start is. */
export interface TrialPlace {
  readonly dir: string;
  readonly owner: string;
}

/**
 * A place for a trial of executors, in the shape of that of a `groundcrew run`: held by a lock that the kernel frees, so that whoever
 * tidies this machine (its worker, or the next `doctor`) ends and removes what a killed one left. Only in a directory of our
 * own: a doctor of root must not put anything there that the worker's user cannot remove. Else `dir` names nothing, and what is left is left.
 */
export async function withTrialDir<T>(
  workerDir: string,
  random: Pick<Random, 'hex'>,
  use: (place: TrialPlace) => Promise<T>,
): Promise<T> {
  const nonce = random.hex(8);
  const place: TrialPlace = { dir: join(workerDir, runDirName(nonce)), owner: ownerOfRun(nonce) };
  if (!(await isOwn(workerDir))) return await use(place);
  await mkdir(place.dir, { mode: 0o700 });
  const lock = tryProcessLock(join(place.dir, runLockFile));
  try {
    return await use(place);
  } finally {
    await removeTree(place.dir);
    await lock?.release();
  }
}

async function isOwn(dir: string): Promise<boolean> {
  const found = await stat(dir).catch(() => null);
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}
