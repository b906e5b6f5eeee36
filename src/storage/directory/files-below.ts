import { existsSync, mkdirSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GroundcrewError } from '../../base/errors.ts';
import { syncFolder } from '../../base/small-file.ts';
import { hasErrorCode } from './system-error.ts';

/** A put gives in when deletes take its folder away so often in a row. */
const mostTries = 100;

/** True when `directory` exists and no part of its path is a symbolic link. `directory` is absolute and normal. */
export function isStraight(directory: string): boolean {
  if (!existsSync(directory)) return false;
  try {
    return realpathSync.native(directory) === directory;
  } catch {
    return false;
  }
}

/**
 * Moves a complete file to `<root>/<key>`, making the folders it needs. `move` may run more than once: a delete of a
 * neighbour can take the empty folder away in between.
 * @throws GroundcrewError `storage/key-conflict` when the key is a folder, or a folder of it is an object;
 *   `storage/unsafe-path` when a folder of it is a symbolic link. Errors of `move` otherwise.
 */
export async function moveBelow(
  root: string,
  key: string,
  step: { readonly move: (target: string) => void; readonly isTransient: boolean },
): Promise<void> {
  const target = join(root, key);
  const folder = dirname(target);
  for (let tries = 1; ; tries++) {
    try {
      if (!isStraight(folder)) await makeFolder(root, folder);
      step.move(target);
      if (!step.isTransient) await syncFolder(folder);
      return;
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT') && tries < mostTries) continue;
      if (!hasErrorCode(error, 'EISDIR', 'ENOTDIR', 'ENOTEMPTY')) throw error;
      const message = `${JSON.stringify(key)} cannot be an object and a folder at once`;
      throw new GroundcrewError('storage/key-conflict', message, { cause: error });
    }
  }
}

/** Removes `<root>/<key>` and the folders that it leaves empty. Nothing there is success. */
export function removeBelow(root: string, key: string): void {
  const target = join(root, key);
  if (!isStraight(dirname(target))) return;
  try {
    unlinkSync(target);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EPERM')) return;
    throw error;
  }
  for (let folder = dirname(target); folder !== root; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      // Not empty, or gone: either way its parents stay as they are.
      return;
    }
  }
}

async function makeFolder(root: string, folder: string): Promise<void> {
  let first: string | undefined;
  try {
    first = mkdirSync(folder, { recursive: true });
  } catch (error) {
    // mkdir says EEXIST where a plain file stands in the way.
    if (!hasErrorCode(error, 'EEXIST')) throw error;
    throw Object.assign(new Error('a file is in the way', { cause: error }), { code: 'ENOTDIR' });
  }
  // Throws ENOENT where a delete took the folder away again: then it is tried again.
  if (realpathSync.native(folder) !== folder) {
    throw new GroundcrewError(
      'storage/unsafe-path',
      `${folder} is reached through a symbolic link, which we do not follow`,
    );
  }
  if (first === undefined) return;
  // Without this a loss of power could take the folder and the durable objects in it.
  for (let made = folder; made !== root && made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}
