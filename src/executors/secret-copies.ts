import { mkdirSync, rmdirSync } from 'node:fs';
import { chmod, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unlinkIfThere } from '../base/unlink-if-there.ts';

/**
 * Copies of the secrets of one attempt, in a directory that only we can enter: the originals keep their owner and
 * mode, and a job that changes its copy changes nothing else. Removed by the clean-up.
 */
export async function copySecrets(
  stateDir: string,
  files: Readonly<Record<string, string>>,
): Promise<{ readonly dir: string; readonly files: Readonly<Record<string, string>> }> {
  const dir = join(stateDir, 'secrets');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const copies: Record<string, string> = {};
  for (const [name, file] of Object.entries(files)) {
    const copy = join(dir, name);
    await copyFile(file, copy);
    await chmod(copy, 0o400);
    copies[name] = copy;
  }
  return { dir, files: copies };
}

/** Removes what may hold secrets: their copies and the scripts with the environment. Twice is harmless. */
export async function removeSecrets(stateDir: string, scripts: readonly string[]): Promise<void> {
  const dir = join(stateDir, 'secrets');
  try {
    // Most jobs have none, and what nobody filled is gone by one call.
    rmdirSync(dir);
  } catch {
    await rm(dir, { recursive: true, force: true });
  }
  for (const script of scripts) unlinkIfThere(script);
}
