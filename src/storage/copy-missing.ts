import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ObjectInfo, ObjectStore, Visibility } from './object-store.ts';

/**
 * Puts into `to` what lies below `prefix` in `from` and is missing there, or has another size: after `to` was away, or is new.
 * Both lists are read once, in step; nothing is deleted. A copy is `visibility`, as nothing in a store says what the original
 * was; it passes through a file in `scratchDir`. Returns how many were put. Aborted, it throws and may be begun again.
 */
export async function copyMissing(
  from: ObjectStore,
  to: ObjectStore,
  how: {
    readonly prefix: string;
    readonly visibility: Visibility;
    readonly scratchDir: string;
    readonly signal: AbortSignal;
    /** Keys that need no copy. */
    readonly skip?: (key: string) => boolean;
  },
): Promise<number> {
  const { prefix, visibility, scratchDir, signal } = how;
  const file = join(scratchDir, randomUUID());
  let copied = 0;
  for await (const { key } of missing(from.list(prefix), to.list(prefix))) {
    signal.throwIfAborted();
    if (how.skip?.(key) === true) continue;
    const read = await from.get(key);
    // Deleted since it was listed.
    if (read === null) continue;
    const { contentType, isDownload } = read;
    try {
      await pipeline(read.body, createWriteStream(file, { mode: 0o600 }), { signal });
      await to.put(key, { file }, { contentType, isDownload, visibility });
    } finally {
      await rm(file, { force: true });
    }
    copied++;
  }
  return copied;
}

/** Of `all`, those that `some` has not in that size. Both are in the order of the keys' bytes. */
async function* missing(all: AsyncIterable<ObjectInfo>, some: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo> {
  const others = some[Symbol.asyncIterator]();
  try {
    let other = await others.next();
    for await (const one of all) {
      const order = Buffer.from(one.key);
      while (other.done !== true && Buffer.compare(Buffer.from(other.value.key), order) < 0)
        other = await others.next();
      const isThere = other.done !== true && other.value.key === one.key && other.value.sizeBytes === one.sizeBytes;
      if (!isThere) yield one;
    }
  } finally {
    await others.return?.();
  }
}
