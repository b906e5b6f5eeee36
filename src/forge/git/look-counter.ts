import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';

/** Numbers the looks at a forge that has no version of its own. */
export interface LookCounter {
  /** Larger than every number before, over restarts and steps of the clock too; near the wall clock's ms. */
  next(): number;
}

/** So much is reserved on disk at once; a restart within it begins after it. */
const reserveMs = 60_000;

/** `path` keeps the highest number that may have been given. Without it (lost, unwritable disk) the clock alone decides. */
export function createLookCounter(path: string, clock: Clock): LookCounter {
  let reserved = readReserved(path);
  let last = reserved;
  return {
    next() {
      last = Math.max(last + 1, clock.now());
      if (last > reserved) {
        reserved = last + reserveMs;
        try {
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(`${path}.part`, `${reserved}\n`);
          renameSync(`${path}.part`, path);
        } catch {
          // A full disk must not stop us from looking; only a clock stepped back during a restart would notice.
        }
      }
      return last;
    },
  };
}

function readReserved(path: string): number {
  try {
    const value = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch {
    return 0;
  }
}
