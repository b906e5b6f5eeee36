import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { CleansUp } from '../test/support/temp-dir.ts';

/** One figure: what must be reached, what was, and what the same costs done by hand in the same run. */
export interface Row {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly baseline: string;
  /** Null: told for comparison, or not measured here; `measured` says why. */
  readonly isReached: boolean | null;
}

/** How large a part measures, and where it leaves what must be cleaned up. */
export interface BenchContext extends CleansUp {
  /** Tiny sizes: proves that the part works, and says nothing about speed. */
  readonly isSmoke: boolean;
}

/** Runs one part as a program: `node bench/PART.ts [--smoke]` prints its rows as JSON. Cleans up whatever happens. */
export async function benchPart(work: (context: BenchContext) => Promise<readonly Row[]>): Promise<void> {
  const { values } = parseArgs({ options: { smoke: { type: 'boolean', default: false }, json: { type: 'boolean' } } });
  const cleanUps: (() => Promise<void> | void)[] = [];
  try {
    const rows = await work({
      isSmoke: values.smoke,
      after: (fn) => {
        cleanUps.push(fn);
      },
    });
    console.log(JSON.stringify(rows));
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}

/** Runs `pair` so often and gives what each of its two sides took (ms), interleaved so that a busy machine slows both. */
export async function interleaved(
  rounds: number,
  sides: { readonly ours: (round: number) => Promise<number>; readonly byHand: (round: number) => Promise<number> },
): Promise<{ readonly ours: number; readonly byHand: number; readonly extra: number }> {
  const pairs: { ours: number; byHand: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes first finds colder caches, so they take turns.
    if (round % 2 === 0) {
      const byHand = await sides.byHand(round);
      pairs.push({ byHand, ours: await sides.ours(round) });
    } else {
      const ours = await sides.ours(round);
      pairs.push({ ours, byHand: await sides.byHand(round) });
    }
  }
  return {
    ours: median(pairs.map(({ ours }) => ours)),
    byHand: median(pairs.map(({ byHand }) => byHand)),
    extra: median(pairs.map(({ ours, byHand }) => ours - byHand)),
  };
}

/** How long it takes (ms). */
export async function took(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Looks now and then until there is something: rarely enough that looking costs nothing beside what is measured. */
export async function eventually<T>(everyMs: number, probe: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    await pause(everyMs);
  }
}

export function median(numbers: readonly number[]): number {
  return percentile(numbers, 0.5);
}

/** The smallest of the numbers that is not below this share of them. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(Math.abs(ms) < 10 ? 1 : 0)} ms`;
}
