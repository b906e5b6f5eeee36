import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isKeyPart } from '../object-key.ts';
import type { ObjectInfo } from '../object-store.ts';
import { isStraight } from './files-below.ts';
import { absent } from './system-error.ts';

/** Sizes are asked for so many files at once, ahead of the reader. */
const statsAhead = 64;

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly order: Buffer;
}

/**
 * The files below `root` whose key begins with `prefix`, in the order of the keys' bytes. Keeps in memory the names of the
 * folders on the way to where it is, no more.
 */
export async function* listObjects(root: string, prefix: string): AsyncGenerator<ObjectInfo> {
  const parts = prefix.split('/').slice(0, -1);
  if (!parts.every(isKeyPart)) return;
  const folder = join(root, ...parts);
  // Also keeps a prefix from leading out over a symbolic link.
  if (!isStraight(folder)) return;
  yield* walk(folder, parts.map((part) => `${part}/`).join(''), prefix);
}

async function* walk(folder: string, above: string, prefix: string): AsyncGenerator<ObjectInfo> {
  const entries = await entriesOf(folder, above, prefix);
  for (let at = 0; at < entries.length;) {
    const entry = entries[at];
    if (entry?.isFolder === true) {
      yield* walk(join(folder, entry.name), `${above}${entry.name}/`, prefix);
      at++;
      continue;
    }
    const files: Entry[] = [];
    for (; at < entries.length && files.length < statsAhead; at++) {
      const file = entries[at];
      if (file === undefined || file.isFolder) break;
      files.push(file);
    }
    const stats = await Promise.all(files.map(({ name }) => lstat(join(folder, name)).catch(absent)));
    for (const [index, { name }] of files.entries()) {
      const found = stats[index];
      // Deleted since we read the folder.
      if (found?.isFile() !== true) continue;
      yield { key: `${above}${name}`, sizeBytes: found.size, modifiedAt: Math.floor(found.mtimeMs) };
    }
  }
}

async function entriesOf(folder: string, above: string, prefix: string): Promise<readonly Entry[]> {
  const directory = await opendir(folder, { bufferSize: 1024 }).catch(absent);
  if (directory === null) return [];
  const entries: Entry[] = [];
  for await (const entry of directory) {
    const { name } = entry;
    const isFolder = entry.isDirectory();
    if (!isFolder && !entry.isFile()) continue;
    // A folder sorts among its neighbours as the keys in it do: with its slash.
    const begin = `${above}${name}${isFolder ? '/' : ''}`;
    const isWanted = begin.startsWith(prefix) || (isFolder && prefix.startsWith(begin));
    if (isWanted && isKeyPart(name)) entries.push({ name, isFolder, order: Buffer.from(isFolder ? `${name}/` : name) });
  }
  return entries.sort((a, b) => Buffer.compare(a.order, b.order));
}
