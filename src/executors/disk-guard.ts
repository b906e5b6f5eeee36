import { statfsSync, statSync } from 'node:fs';
import { sleep, type Clock } from '../base/clock.ts';
import { DiskWalk } from '../base/disk-walk.ts';

/** What was measured, in bytes. */
export interface DiskLook {
  /** Free for us on the fullest of the file systems that the attempt writes to. */
  readonly freeBytes: number;
  /** The same when the attempt began. */
  readonly freeAtStartBytes: number;
  /** Taken by the attempt's directories; at least, while a long walk is not through. */
  readonly usedBytes: number;
}

/** What the operator allows. `limitBytes` null: the attempt may take what there is. */
export interface DiskLimits {
  readonly limitBytes: number | null;
  readonly minFreeBytes: number;
}

/** `over-limit` is the job's own doing (failed), `others-filled-disk` is not (broken). */
export type DiskVerdict =
  | { readonly kind: 'fine' }
  | { readonly kind: 'over-limit'; readonly usedBytes: number; readonly limitBytes: number | null }
  | { readonly kind: 'others-filled-disk'; readonly freeBytes: number; readonly usedBytes: number };

/**
 * Who has filled the disk. A job within a limit that it was given is never to blame, whatever is left; one without a
 * limit is when most of what has gone since its start went to it.
 */
export function judgeDisk(look: DiskLook, limits: DiskLimits): DiskVerdict {
  const { freeBytes, freeAtStartBytes, usedBytes } = look;
  const { limitBytes, minFreeBytes } = limits;
  if (limitBytes !== null && usedBytes > limitBytes) return { kind: 'over-limit', usedBytes, limitBytes };
  if (freeBytes >= minFreeBytes) return { kind: 'fine' };
  const goneBytes = freeAtStartBytes - freeBytes;
  if (limitBytes === null && goneBytes > 0 && usedBytes >= goneBytes / 2) {
    return { kind: 'over-limit', usedBytes, limitBytes };
  }
  return { kind: 'others-filled-disk', freeBytes, usedBytes };
}

/** How often and how long to look. */
export interface DiskGuardOptions {
  readonly limits: DiskLimits;
  readonly clock: Clock;
  /** Asked at each look: a container's own layer is known only once it runs. The first is there from the start. */
  readonly dirs: () => Promise<readonly string[]> | readonly string[];
  /** Called once, with the first verdict that is not `fine`; the guard has ended then. */
  readonly onVerdict: (verdict: Exclude<DiskVerdict, { kind: 'fine' }>) => void;
  readonly everyMs?: number;
  /** Of each look, so that 100,000 files do not take a processor; the walk goes on where it was at the next look. */
  readonly walkMs?: number;
  /** How long what was counted stands, while nothing says that it could be wrong. */
  readonly recountMs?: number;
}

/**
 * Looks each second until a verdict or the abort of `signal`. Never rejects: what cannot be measured is left out. What is free
 * costs one question a directory and is asked each time. Counting costs one a file: it begins again when what has gone since
 * the last count could matter, were it all this attempt's, and now and then, since others may have freed meanwhile what this
 * one took.
 */
export async function guardDisk(options: DiskGuardOptions, signal: AbortSignal): Promise<void> {
  const { limits, clock, dirs, onVerdict, everyMs = 1000, walkMs = 50, recountMs = 10_000 } = options;
  let walk: DiskWalk | null = new DiskWalk(await dirs());
  let counted = { dirs: walk.dirs, bytes: 0 };
  let places = oneOfEach(walk.dirs);
  let began = { at: clock.monotonic(), freeBytes: freeOf(places) };
  const freeAtStartBytes = began.freeBytes;
  for (;;) {
    const now = await dirs();
    const freeBytes = freeOf(places);
    let usedBytes = counted.bytes;
    const mostBytes = usedBytes + Math.max(0, began.freeBytes - freeBytes);
    const couldMatter = freeBytes < limits.minFreeBytes || mostBytes > (limits.limitBytes ?? Number.POSITIVE_INFINITY);
    const isOld = now.length !== counted.dirs.length || clock.monotonic() - began.at >= recountMs;
    if (walk === null && (couldMatter || isOld)) {
      walk = new DiskWalk(now);
      places = oneOfEach(now);
      began = { at: clock.monotonic(), freeBytes };
    }
    if (walk !== null) {
      const isWhole = await walk.goOn(() => clock.monotonic(), walkMs);
      usedBytes = isWhole ? walk.bytes : Math.max(usedBytes, walk.bytes);
      if (isWhole) {
        counted = { dirs: walk.dirs, bytes: usedBytes };
        walk = null;
      }
    }
    const verdict = judgeDisk({ freeBytes, freeAtStartBytes, usedBytes }, limits);
    if (verdict.kind !== 'fine' || signal.aborted) {
      walk?.close();
      if (verdict.kind !== 'fine' && !signal.aborted) onVerdict(verdict);
      return;
    }
    await sleep(clock, everyMs, signal);
  }
}

/** One directory of each file system, so that none is asked twice. */
function oneOfEach(dirs: readonly string[]): readonly string[] {
  const found = new Map<number, string>();
  for (const dir of dirs) {
    const device = deviceOf(dir);
    if (device !== null && !found.has(device)) found.set(device, dir);
  }
  return [...found.values()];
}

function deviceOf(dir: string): number | null {
  try {
    return statSync(dir).dev;
  } catch {
    return null;
  }
}

function freeOf(dirs: readonly string[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const dir of dirs) {
    try {
      const { bavail, bsize } = statfsSync(dir);
      least = Math.min(least, bavail * bsize);
    } catch {
      // Not there (any more).
    }
  }
  return least;
}
