import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { tryProcessLock } from '../base/process-lock.ts';
import { removeTree } from '../base/remove-tree.ts';

/** The directory of one `groundcrew run`, below the directory of all workers; its process holds `runLockFile` in it. */
export function runDirName(nonce: string): string {
  return `run-${nonce}`;
}

export const runLockFile = 'lock';

/** A directory appears a moment before its lock is taken. */
const settledAfterMs = 10 * 60_000;

/** What the sweep needs. */
export interface SweepDeps {
  readonly workerDir: string;
  /** Ends and removes what the executors of this run left (containers, processes). Throws when that cannot be known. */
  readonly endRun: (dir: string, nonce: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Removes what killed `groundcrew run` processes left on this machine. Dead is whose lock is free: the kernel frees it, so no
 * pid is trusted.
 * @returns how many were removed.
 */
export async function sweepDeadRuns(deps: SweepDeps): Promise<number> {
  let removed = 0;
  for (const name of await readdir(deps.workerDir).catch(() => [])) {
    const nonce = /^run-([0-9a-f]{16})$/.exec(name)?.[1];
    if (nonce === undefined) continue;
    const dir = join(deps.workerDir, name);
    const found = await lstat(dir).catch(() => null);
    if (found?.isDirectory() !== true || found.mtimeMs > deps.clock.now() - settledAfterMs) continue;
    try {
      const lock = tryProcessLock(join(dir, runLockFile));
      if (lock === null) continue;
      try {
        await deps.endRun(dir, nonce);
        const removal = await removeTree(dir);
        if (removal.kind === 'removed') removed += 1;
        else deps.logger.warn('a dead run left files that cannot be removed', { dir, why: removal.detail });
      } finally {
        await lock.release();
      }
    } catch (error) {
      deps.logger.warn('what a dead run left stays; it will be tried again', { dir, why: errorLine(error) });
    }
  }
  return removed;
}
