import { z } from 'zod';

/**
 * The published layout of a log below its prefix. While it grows: `log.chunks`, a JSON array of the chunks' byte sizes, and
 * `log.START-END` (end exclusive), each put before the list that names it. When it is complete: `log`, put before the list
 * and the chunks go. So a missing list means: not begun, or read `log`.
 * https://github.com/cockpit-project/bots (lib/aio/s3streamer.py) has the same; its viewers read ours.
 */
export const logLayout = {
  complete: (prefix: string): string => `${prefix}/log`,
  chunkList: (prefix: string): string => `${prefix}/log.chunks`,
  chunk: (prefix: string, chunk: Chunk): string => `${prefix}/log.${String(chunk.start)}-${String(chunk.end)}`,
} as const;

/** A part of a log in bytes; `end` exclusive. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
}

const chunkListSchema = z.array(z.int().positive()).max(1_000_000);

/** True for the keys below `prefix` that a growing log leaves, and only for those. */
export function isTransientKey(prefix: string, key: string): boolean {
  return key.startsWith(`${prefix}/`) && /^log\.(?:chunks|\d+-\d+)$/.test(key.slice(prefix.length + 1));
}

/** Writes `log.chunks`. */
export function formatChunkList(chunks: readonly Chunk[]): string {
  return JSON.stringify(chunks.map(({ start, end }) => end - start));
}

/** Reads `log.chunks`; null when the text is none. */
export function parseChunkList(text: string): readonly Chunk[] | null {
  let sizes: readonly number[];
  try {
    sizes = chunkListSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
  let start = 0;
  return sizes.map((size) => {
    const chunk = { start, end: start + size };
    start = chunk.end;
    return chunk;
  });
}
