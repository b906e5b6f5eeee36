import { existsSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { sleep, type Clock } from '../../base/clock.ts';
import { replaceSmallFile } from '../../base/small-file.ts';
import { openFileBell, type FileBell } from './file-bell.ts';

/** A read that filled its buffer is followed by a larger one: a flood comes in few steps, a quiet job costs little memory. */
const leastReadBytes = 16 * 1024;
/** V8 counts garbage of this kind by bytes: larger ones let the process grow by as many of them as it makes in a moment. */
const mostReadBytes = 256 * 1024;
/** After so many reads in place everything else of this process has its turn: a job that prints without a pause gives none. */
const readsInPlace = 32;
const reportEveryBytes = 8 * 1024 * 1024;
/** A stream that was silent for so long is listened to; before that, listening costs more than looking. */
const quietMs = 8;

/**
 * Reads what the guard's relay has kept, from a byte offset, while it grows. The end is the marker that the guard
 * writes behind the last byte of the job; where the guard died before that, the end is what is in the file.
 *
 * It tells the relay how far the consumer has come (`seen`), by which the relay holds the job back. The file keeps
 * everything, so any earlier offset can be read again until the directory is removed.
 */
export async function* relayedOutput(options: {
  readonly dir: string;
  readonly marker: Buffer;
  readonly offset: number;
  /** False when nothing will write any more. */
  readonly isGuardRunning: () => boolean;
  readonly clock: Clock;
}): AsyncGenerator<Uint8Array, void, void> {
  const { dir, marker, clock } = options;
  const path = join(dir, 'output');
  const file = await open(path, 'r');
  let bell: FileBell | null = null;
  try {
    let at = options.offset;
    let reported = at;
    let pauseMs = 2;
    /** How long the bell was waited for since the last bytes. */
    let waitedMs = 0;
    const read = readerOf(file);
    // The relay takes a file that is not there for 0.
    if (at > 0 || existsSync(join(dir, 'seen'))) replaceSmallFile(join(dir, 'seen'), `${String(at)}\n`);
    for (;;) {
      // Asked before the read: what was written before the guard died is then seen by this read.
      const isOver = bell !== null && hasEnded(dir, options.isGuardRunning);
      const { bytes, isRest } = await read(at);
      const end = bytes.indexOf(marker);
      const keep = end >= 0 ? end : bytes.length - (isOver && isRest ? 0 : beginningOf(marker, bytes));
      if (keep > 0) {
        // A line now and then: the bell stays. What comes faster is cheaper to look for.
        if (waitedMs < quietMs) {
          bell?.close();
          bell = null;
        }
        waitedMs = 0;
        yield bytes.subarray(0, keep);
        at += keep;
        pauseMs = 2;
        if (at - reported >= reportEveryBytes) {
          reported = at;
          replaceSmallFile(join(dir, 'seen'), `${String(at)}\n`);
        }
      }
      if (end >= 0) return;
      if (keep > 0) continue;
      if (isOver) return;
      if (bell !== null) {
        const since = clock.monotonic();
        await bell.wait(clock);
        waitedMs += clock.monotonic() - since;
      } else if (pauseMs > quietMs) {
        // What was written before it listens is found by the next look.
        bell = openFileBell(path);
      } else {
        await sleep(clock, pauseMs);
        pauseMs *= 1.5;
      }
    }
  } finally {
    bell?.close();
    await file.close();
  }
}

function hasEnded(dir: string, isGuardRunning: () => boolean): boolean {
  return existsSync(join(dir, 'lost')) || !isGuardRunning();
}

/** Reads from an offset. `isRest`: there was nothing more. What it gives is the caller's, and is not written again. */
function readerOf(file: FileHandle): (offset: number) => Promise<{ readonly bytes: Buffer; readonly isRest: boolean }> {
  let buffer = Buffer.alloc(0);
  let size = leastReadBytes;
  let inPlace = 0;
  return async (offset) => {
    if (buffer.length !== size) buffer = Buffer.allocUnsafeSlow(size);
    inPlace = size === leastReadBytes ? inPlace + 1 : 0;
    if (inPlace % readsInPlace === readsInPlace - 1) await setImmediate();
    // A little of what has just been written is at hand; a flood may have to be waited for.
    const bytesRead =
      size === leastReadBytes
        ? readSync(file.fd, buffer, 0, size, offset)
        : (await file.read(buffer, 0, size, offset)).bytesRead;
    const isRest = bytesRead < size;
    if (isRest && bytesRead <= leastReadBytes / 4) {
      size = leastReadBytes;
      return { bytes: Buffer.from(buffer.subarray(0, bytesRead)), isRest };
    }
    const bytes = buffer.subarray(0, bytesRead);
    buffer = Buffer.alloc(0);
    if (!isRest) size = Math.min(size * 4, mostReadBytes);
    return { bytes, isRest };
  };
}

/** How many bytes at the end of `bytes` may be the beginning of the marker. */
function beginningOf(marker: Buffer, bytes: Buffer): number {
  for (let count = Math.min(marker.length - 1, bytes.length); count > 0; count--) {
    if (bytes.subarray(bytes.length - count).equals(marker.subarray(0, count))) return count;
  }
  return 0;
}
