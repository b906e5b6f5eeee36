import { constants, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** A path of the checked-out tree, followed through links that stay inside. `path` is where it really is. */
export type TreeFile =
  | { readonly kind: 'file'; readonly path: string; readonly isExecutable: boolean; readonly sizeBytes: number }
  | { readonly kind: 'missing' }
  /** `why` completes "NAME is …". */
  | { readonly kind: 'unusable'; readonly why: string };

/**
 * Looks at a file of a fresh checkout, before the job's first process: nobody can change a link between our look and our
 * use. Never call it on a tree in which a job has run.
 */
export async function findInTree(treeDir: string, name: string): Promise<TreeFile> {
  let path: string;
  try {
    path = await realpath(join(treeDir, name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return await missingOrDangling(join(treeDir, name));
    return { kind: 'unusable', why: code === 'ELOOP' ? 'a link that leads to itself' : `not readable (${code ?? ''})` };
  }
  const root = await realpath(treeDir);
  if (!path.startsWith(root + sep)) return { kind: 'unusable', why: 'a link to outside of the repository' };
  if (path.startsWith(join(root, '.git') + sep)) return { kind: 'unusable', why: 'a link into .git' };
  const found = await stat(path);
  if (!found.isFile()) return { kind: 'unusable', why: found.isDirectory() ? 'a directory' : 'not a file' };
  return { kind: 'file', path, isExecutable: (found.mode & 0o111) !== 0, sizeBytes: found.size };
}

/** Reads a file that `findInTree` found. */
export async function readTreeFile(file: { readonly path: string }, mostBytes: number): Promise<Buffer> {
  const handle = await open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function missingOrDangling(path: string): Promise<TreeFile> {
  try {
    // Opening without following: a link answers ELOOP, nothing at all ENOENT.
    await (await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') return { kind: 'unusable', why: 'a link to nothing' };
  }
  return { kind: 'missing' };
}
