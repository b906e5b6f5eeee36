import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { GroundcrewError } from '../base/errors.ts';
import type { ObjectSource } from './object-store.ts';

/** The bytes of a source, to be read at any place. */
export interface OpenSource {
  readonly sizeBytes: number;
  /** Exactly these bytes (`end` exclusive), in `into` or in memory of the source. @throws GroundcrewError `storage/source-short` */
  read(start: number, end: number, into?: Buffer): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** For stores that send bytes elsewhere. @throws GroundcrewError `storage/bad-source` when it is no regular file. */
export async function openSource(source: ObjectSource): Promise<OpenSource> {
  if ('bytes' in source) {
    const { bytes } = source;
    const read = (start: number, end: number): Promise<Uint8Array> => Promise.resolve(bytes.subarray(start, end));
    return { sizeBytes: bytes.length, read, close: () => Promise.resolve() };
  }
  if ('handle' in source) {
    const { handle, start, end } = source;
    return { sizeBytes: Math.max(0, end - start), read: reader(handle, start), close: () => Promise.resolve() };
  }
  const handle = await open(source.file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new GroundcrewError('storage/bad-source', `${source.file} is no regular file`);
    const start = source.start ?? 0;
    const sizeBytes = Math.max(0, (source.end ?? stats.size) - start);
    return { sizeBytes, read: reader(handle, start), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function reader(handle: FileHandle, offset: number): OpenSource['read'] {
  return async (start, end, into) => {
    const size = end - start;
    const block = (into ?? Buffer.allocUnsafe(size)).subarray(0, size);
    for (let at = 0; at < size;) {
      const { bytesRead } = await handle.read(block, at, size - at, offset + start + at);
      if (bytesRead === 0) {
        const where = `${String(offset + start + at)} of ${String(offset + end)}`;
        throw new GroundcrewError('storage/source-short', `the source ended at ${where} bytes`);
      }
      at += bytesRead;
    }
    return block;
  };
}
