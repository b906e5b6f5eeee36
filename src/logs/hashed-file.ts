import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  read,
  write,
  writev,
  writevSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { GroundcrewError } from '../base/errors.ts';

const newline = 10;
/** Less is written in place: the way through the thread pool costs more than the write. A flood may have to wait for the disk. */
const littleBytes = 16 * 1024;
const [readLater, writeLater, writevLater, syncLater] = [
  promisify(read),
  promisify(write),
  promisify(writev),
  promisify(fsync),
];

/** A file that grows at its end, and the SHA-256 of what it holds. */
export interface HashedFile {
  readonly sizeBytes: number;
  /** The last byte does not end a line. */
  readonly isMidLine: boolean;
  /**
   * Adds bytes. After a failure the same bytes, and more behind them, may be added again: they go to the same place.
   * One call at a time.
   */
  write(parts: readonly Buffer[]): Promise<void>;
  /** Makes what `write` wrote a part of size and hash. */
  accept(parts: readonly Buffer[]): void;
  sha256(): string;
  /** On the disk when it resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens `path`, makes it if it is not there, and cuts it to `keepBytes`. Null when it is shorter: what was written before
 * is lost, and it should be opened again with 0.
 */
export async function openHashedFile(path: string, keepBytes: number): Promise<HashedFile | null> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o640);
  try {
    const { size } = fstatSync(fd);
    if (size < keepBytes) {
      closeSync(fd);
      return null;
    }
    if (size > keepBytes) ftruncateSync(fd, keepBytes);
    return await readIn(fd, keepBytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function readIn(fd: number, sizeBytes: number): Promise<HashedFile> {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(Math.max(1, Math.min(1024 * 1024, sizeBytes)));
  let lastByte = newline;
  for (let at = 0; at < sizeBytes;) {
    const { bytesRead } = await readLater(fd, block, 0, Math.min(block.length, sizeBytes - at), at);
    if (bytesRead === 0) throw new GroundcrewError('logs/cannot-write', 'the log file shrank while it was read');
    hash.update(block.subarray(0, bytesRead));
    lastByte = block[bytesRead - 1] ?? newline;
    at += bytesRead;
  }
  return new GrowingFile(fd, hash, { sizeBytes, isMidLine: lastByte !== newline });
}

class GrowingFile implements HashedFile {
  readonly #fd: number;
  readonly #hash: Hash;
  sizeBytes: number;
  isMidLine: boolean;
  #syncing: Promise<void> | null = null;

  constructor(fd: number, hash: Hash, state: { readonly sizeBytes: number; readonly isMidLine: boolean }) {
    this.#fd = fd;
    this.#hash = hash;
    this.sizeBytes = state.sizeBytes;
    this.isMidLine = state.isMidLine;
  }

  async write(parts: readonly Buffer[]): Promise<void> {
    let position = this.sizeBytes;
    // writev takes 1,024 parts at most.
    for (let first = 0; first < parts.length; first += 1024) {
      const some = parts.slice(first, first + 1024);
      const length = some.reduce((sum, part) => sum + part.length, 0);
      const bytesWritten =
        length <= littleBytes
          ? writevSync(this.#fd, some, position)
          : (await writevLater(this.#fd, some, position)).bytesWritten;
      if (bytesWritten < length)
        await this.#writeRest(Buffer.concat(some).subarray(bytesWritten), position + bytesWritten);
      position += length;
    }
  }

  accept(parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#hash.update(part);
      this.sizeBytes += part.length;
      if (part.length > 0) this.isMidLine = part[part.length - 1] !== newline;
    }
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  sync(): Promise<void> {
    this.#syncing = syncLater(this.#fd);
    return this.#syncing;
  }

  async close(): Promise<void> {
    // Its number may be another file's afterwards.
    await this.#syncing?.catch(() => undefined);
    closeSync(this.#fd);
  }

  async #writeRest(rest: Buffer, position: number): Promise<void> {
    for (let at = 0; at < rest.length;) {
      at += (await writeLater(this.#fd, rest, at, rest.length - at, position + at)).bytesWritten;
    }
  }
}
