import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '../../base/clock.ts';
import { openFileBell, type FileBell } from './file-bell.ts';
import { exists, writeWhole } from './guard-state.ts';

const readBytes = 1024 * 1024;
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
  readonly isGuardRunning: () => Promise<boolean>;
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
    await writeWhole(join(dir, 'seen'), `${String(at)}\n`);
    for (;;) {
      // Asked before the read: what was written before the guard died is then seen by this read.
      const isOver = bell !== null && (await hasEnded(dir, options.isGuardRunning));
      const bytes = await readAt(file, at);
      const end = bytes.indexOf(marker);
      const keep = end >= 0 ? end : bytes.length - (isOver ? 0 : beginningOf(marker, bytes));
      if (keep > 0) {
        bell?.close();
        bell = null;
        yield bytes.subarray(0, keep);
        at += keep;
        pauseMs = 2;
        if (at - reported >= reportEveryBytes) {
          reported = at;
          await writeWhole(join(dir, 'seen'), `${String(at)}\n`);
        }
      }
      if (end >= 0) return;
      if (keep > 0) continue;
      if (isOver) return;
      if (bell !== null) {
        await bell.wait(clock);
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

async function hasEnded(dir: string, isGuardRunning: () => Promise<boolean>): Promise<boolean> {
  return (await exists(join(dir, 'lost'))) || !(await isGuardRunning());
}

async function readAt(file: FileHandle, offset: number): Promise<Buffer> {
  const { size } = await file.stat();
  const want = Math.min(readBytes, size - offset);
  if (want <= 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(want), 0, want, offset);
  return buffer.subarray(0, bytesRead);
}

/** How many bytes at the end of `bytes` may be the beginning of the marker. */
function beginningOf(marker: Buffer, bytes: Buffer): number {
  for (let count = Math.min(marker.length - 1, bytes.length); count > 0; count--) {
    if (bytes.subarray(bytes.length - count).equals(marker.subarray(0, count))) return count;
  }
  return 0;
}
