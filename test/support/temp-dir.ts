import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of a test's context that clean-up needs; `TestContext` and the hooks' contexts have it. */
export interface CleansUp {
  after(fn: () => Promise<void> | void): void;
}

/**
 * A directory of the test's own, removed after the test whatever its end. The name is short because a unix socket's
 * path may have 107 bytes at most.
 */
export async function tempDir(context: CleansUp): Promise<string> {
  const path = await openTempDir();
  context.after(() => removeTempDir(path));
  return path;
}

/** The same for `before`/`after` of a suite: the caller removes it with `removeTempDir`. */
export async function openTempDir(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), 'gc-')));
}

/** Tries again for a while, since a process that has just been killed may still be writing. */
export function removeTempDir(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
