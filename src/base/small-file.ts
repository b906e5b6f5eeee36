import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, fsync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';

// Small files of our own, read and written in place: what a call to the kernel does with its page cache takes some microseconds,
// and the way through the thread pool a tenth of a millisecond of processor time, once for each of open, write and close. Only
// what waits for the disk itself (fsync) goes that way. docs/decisions/0021-small-files.md

/** More is not read: our own are a few kilobytes. */
const mostBytes = 1024 * 1024;
const block = Buffer.allocUnsafeSlow(16 * 1024);
const sync = promisify(fsync);
// A job of our own user may put a pipe into the place of a file: nobody waits for its other end.
const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK, O_DIRECTORY } = constants;

/** The text of a file, as UTF-8; null when there is none, it cannot be read, or it has more than 1 MiB. */
export function readSmallFile(path: string): string | null {
  // Many that are asked for are not there, and an error is dear to make.
  if (!existsSync(path)) return null;
  try {
    const fd = openSync(path, O_RDONLY | O_NONBLOCK);
    try {
      const parts: Buffer[] = [];
      let size = 0;
      for (let count = 1; count > 0 && size <= mostBytes; size += count) {
        // The kernel's own files say nothing of their size and give less than is asked for: only 0 is the end.
        count = readSync(fd, block, 0, block.length, null);
        parts.push(Buffer.from(block.subarray(0, count)));
      }
      return size > mostBytes ? null : Buffer.concat(parts).toString('utf8');
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** Writes a file that nobody reads before this returns, or a draft. Throws the system's error. */
export function writeSmallFile(path: string, text: string, mode = 0o600): void {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, mode);
  try {
    writeAll(fd, text);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file so that no reader ever sees a part of it. It outlives a kill, not a loss of power. `draft`: what it is called
 * until then; a name of its own by default. Throws the system's error, the file then being what it was.
 */
export function replaceSmallFile(path: string, text: string, draft = draftOf(path)): void {
  try {
    writeSmallFile(draft, text);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** The same, with the bytes on the disk when it resolves; the name is when its folder is synced (`syncFolder`). */
export async function replaceDurably(path: string, text: string, draft = draftOf(path)): Promise<void> {
  try {
    const fd = openSync(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0o600);
    try {
      writeAll(fd, text);
      await sync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** What was made, renamed or removed in a directory is on the disk when it resolves. Throws the system's error. */
export async function syncFolder(dir: string): Promise<void> {
  const fd = openSync(dir, O_RDONLY | O_DIRECTORY);
  try {
    await sync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A full disk takes a part of it. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}

function draftOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}`;
}
