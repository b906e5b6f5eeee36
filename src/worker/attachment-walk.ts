import { constants, type Dirent } from 'node:fs';
import { open, opendir, type FileHandle } from 'node:fs/promises';

/** Why something in the attachments directory is not saved; `no-directory`: why nothing is. */
export type SkipReason = 'link' | 'special' | 'unreadable' | 'too-deep' | 'no-directory';

/** An open regular file, as long as it was when it was opened. The caller closes the handle. */
export interface OpenedFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** A regular file, to be opened before the next one is asked for; or something that is left out. */
export type Walked = {
  /** The bytes of its path below the directory, part by part. */
  readonly parts: readonly Buffer[];
} & ({ readonly open: () => Promise<OpenedFile | SkipReason> } | { readonly skipped: SkipReason });

/** Deeper folders are left out: each level on the way keeps a file descriptor. */
const deepest = 64;

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants;

/**
 * All that lies below `directory`, in no order.
 * No symbolic link is ever followed, also if an escaped process of the job swaps folders for links meanwhile: each level is
 * opened through the descriptor of the one above (`/proc/self/fd`, since Node has no openat), never by its whole path.
 */
export async function* walkAttachments(directory: string): AsyncGenerator<Walked, void, undefined> {
  const top = await open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((error: unknown) => {
    // A job may remove its directory, lock it or put something else there; that must not look like a failing disk.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(code)) return null;
    throw error;
  });
  if (top === null) {
    yield { parts: [], skipped: 'no-directory' };
    return;
  }
  try {
    yield* walk(top, []);
  } finally {
    await top.close();
  }
}

async function* walk(folder: FileHandle, above: readonly Buffer[]): AsyncGenerator<Walked, void, undefined> {
  const here = `/proc/self/fd/${String(folder.fd)}`;
  // Node's types do not know that `encoding: 'buffer'` gives names as bytes, which need not be UTF-8.
  const asBytes = { encoding: 'buffer' as BufferEncoding, bufferSize: 1024 };
  const entries = (await opendir(here, asBytes)) as unknown as AsyncIterable<Dirent<Buffer>>;
  for await (const entry of entries) {
    const parts = [...above, entry.name];
    const path = Buffer.concat([Buffer.from(`${here}/`), entry.name]);
    if (entry.isSymbolicLink()) yield { parts, skipped: 'link' };
    else if (entry.isDirectory()) yield* enter(path, parts);
    else if (entry.isFile()) yield { parts, open: () => openFile(path) };
    else yield { parts, skipped: 'special' };
  }
}

async function* enter(path: Buffer, parts: readonly Buffer[]): AsyncGenerator<Walked, void, undefined> {
  if (parts.length >= deepest) {
    yield { parts, skipped: 'too-deep' };
    return;
  }
  const folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(() => null);
  if (folder === null) {
    yield { parts, skipped: 'unreadable' };
    return;
  }
  try {
    yield* walk(folder, parts);
  } finally {
    await folder.close();
  }
}

async function openFile(path: Buffer): Promise<OpenedFile | SkipReason> {
  // Without waiting: what was a file a moment ago may be a FIFO now.
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY).catch(() => null);
  if (handle === null) return 'unreadable';
  const stats = await handle.stat().catch(() => null);
  if (stats?.isFile() === true) return { handle, sizeBytes: stats.size };
  await handle.close();
  return stats === null ? 'unreadable' : 'special';
}
