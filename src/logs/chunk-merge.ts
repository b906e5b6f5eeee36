import type { Chunk } from './log-layout.ts';

/** A chunk and how many flushes went into it; `Infinity` for one that an earlier process wrote, which stays as it is. */
export interface WeighedChunk extends Chunk {
  readonly weight: number;
}

/** The chunks after one more flush, and those that the last of them replaces. */
export interface Appended {
  readonly chunks: readonly WeighedChunk[];
  readonly last: WeighedChunk;
  readonly replaced: readonly WeighedChunk[];
}

/**
 * Adds the bytes up to `end`. As in the game 2048, the last two merge while they weigh the same, so n flushes leave about
 * log2(n) chunks; but no merge makes a chunk larger than `mergedMaxBytes`, so a long log is not written again and again.
 */
export function appendFlush(before: readonly WeighedChunk[], end: number, mergedMaxBytes: number): Appended {
  const kept = [...before];
  const replaced: WeighedChunk[] = [];
  let last: WeighedChunk = { start: before.at(-1)?.end ?? 0, end, weight: 1 };
  for (;;) {
    const neighbour = kept.at(-1);
    if (neighbour?.weight !== last.weight || last.end - neighbour.start > mergedMaxBytes) break;
    kept.pop();
    replaced.push(neighbour);
    last = { start: neighbour.start, end: last.end, weight: neighbour.weight + last.weight };
  }
  return { chunks: [...kept, last], last, replaced };
}
