import { randomUUID } from 'node:crypto';
import { closeSync, constants, fchmodSync, fsync, linkSync, lstatSync, openSync, writeSync } from 'node:fs';
import { lstat, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { ObjectSource, PutOptions } from '../object-store.ts';
import { absent, hasErrorCode } from './system-error.ts';

/** Where objects are written before they get their name. */
export interface Staging {
  /** A complete file, on the disk unless transient; the caller moves or removes it. */
  fill(source: ObjectSource, options: PutOptions): Promise<string>;
  /** Removes what nobody touched for `olderThanMs`; returns how many files. */
  sweep(olderThanMs: number): Promise<number>;
}

const copyBlockBytes = 1024 * 1024;
/** Is written in place: the way through the thread pool costs more. */
const littleBytes = 16 * 1024;
const sync = promisify(fsync);

/** Stages files in `directory`, on the same file system as the objects. `clock` serves the sweep. */
export function createStaging(directory: string, clock: Pick<Clock, 'now'>): Staging {
  return {
    async fill(source, options) {
      const path = join(directory, randomUUID());
      try {
        if ('file' in source && isShared(source, path)) await finishShared(path, options);
        else if ('bytes' in source && source.bytes.length <= littleBytes) await write(path, source.bytes, options);
        else await copyTo(path, source, options);
        return path;
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
    },

    async sweep(olderThanMs) {
      let removed = 0;
      for (const name of await readdir(directory)) {
        const path = join(directory, name);
        const stats = await lstat(path).catch(absent);
        // The change time, not the modification time: a shared file brings its old one along.
        if (stats === null || stats.ctimeMs > clock.now() - olderThanMs) continue;
        await rm(path, { force: true, recursive: true });
        removed++;
      }
      return removed;
    },
  };
}

/** Gives a final, whole file a second name instead of copying it, where the file system can. */
function isShared(source: Extract<ObjectSource, { file: string }>, path: string): boolean {
  if (source.isFinal !== true || (source.start ?? 0) !== 0) return false;
  const stats = lstatSync(source.file);
  if (!stats.isFile() || (source.end ?? stats.size) !== stats.size) return false;
  try {
    linkSync(source.file, path);
    return true;
  } catch (error) {
    // Another file system, too many names, or somebody else's file: then it is copied.
    if (hasErrorCode(error, 'EXDEV', 'EMLINK', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP')) return false;
    throw error;
  }
}

async function copyTo(path: string, source: ObjectSource, options: PutOptions): Promise<void> {
  const target = await open(path, 'wx', 0o600);
  try {
    if ('bytes' in source) await target.writeFile(source.bytes);
    else if ('handle' in source) await copyRange(source.handle, target, source);
    else {
      const handle = await open(source.file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const stats = await handle.stat();
        if (!stats.isFile()) throw new GroundcrewError('storage/bad-source', `${source.file} is no regular file`);
        await copyRange(handle, target, { start: source.start ?? 0, end: source.end ?? stats.size });
      } finally {
        await handle.close();
      }
    }
    await finish(target.fd, options);
  } finally {
    await target.close();
  }
}

async function copyRange(
  from: FileHandle,
  to: FileHandle,
  range: { readonly start: number; readonly end: number },
): Promise<void> {
  const block = Buffer.allocUnsafe(Math.max(1, Math.min(copyBlockBytes, range.end - range.start)));
  for (let at = range.start; at < range.end;) {
    const { bytesRead } = await from.read(block, 0, Math.min(block.length, range.end - at), at);
    if (bytesRead === 0) {
      throw new GroundcrewError(
        'storage/source-short',
        `the source ended at ${String(at)} of ${String(range.end)} bytes`,
      );
    }
    for (let written = 0; written < bytesRead;) {
      written += (await to.write(block, written, bytesRead - written)).bytesWritten;
    }
    at += bytesRead;
  }
}

async function finishShared(path: string, options: PutOptions): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await finish(fd, options);
  } finally {
    closeSync(fd);
  }
}

async function write(path: string, bytes: Uint8Array, options: PutOptions): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    await finish(fd, options);
  } finally {
    closeSync(fd);
  }
}

async function finish(fd: number, options: PutOptions): Promise<void> {
  fchmodSync(fd, options.visibility === 'public' ? 0o644 : 0o640);
  if (options.isTransient !== true) await sync(fd);
}
