import { stripVTControlCharacters } from 'node:util';
import { LineIndex, type LogBlock } from './line-index.ts';
import type { OpenLog } from './web-deps.ts';

/** Bytes of a log around a place, with what is known of the whole. */
export interface LogPart extends LogBlock {
  readonly bytes: Buffer;
  readonly totalBytes: number;
  readonly totalLines: number;
}

/** Where to look: a line, the block that holds or begins at a byte, the block that ends at a byte, or the end. */
export type LogPlace =
  | { readonly kind: 'line'; readonly line: number }
  | { readonly kind: 'from'; readonly byte: number }
  | { readonly kind: 'before'; readonly byte: number }
  | { readonly kind: 'last' };

/** Lines that hold the text, and where to go on; `nextByte` null when the end was reached. */
export interface LogMatches {
  readonly lines: readonly number[];
  readonly nextByte: number | null;
  readonly totalBytes: number;
}

// A search answers after this much, so that a page can show how far it is and give up.
const searchBytes = 32 * 1024 * 1024;
const mostMatches = 500;
const keptIndexes = 8;

/**
 * Random access by line to logs that the store can only give by byte. The line index of the logs looked at last is kept
 * and extended as they grow; of a log's bytes at most one block is held.
 */
export interface LogViews {
  part(storePrefix: string, place: LogPlace): Promise<LogPart>;
  search(storePrefix: string, query: { readonly text: string; readonly fromByte: number }): Promise<LogMatches>;
}

interface Indexed {
  readonly index: LineIndex;
  growing: Promise<void>;
}

/** Makes views on the logs that `openLog` reads. */
export function createLogViews(openLog: OpenLog): LogViews {
  const known = new Map<string, Indexed>();

  const indexed = async (storePrefix: string): Promise<LineIndex> => {
    const entry = known.get(storePrefix) ?? { index: new LineIndex(), growing: Promise.resolve() };
    known.delete(storePrefix);
    known.set(storePrefix, entry);
    for (const key of known.keys()) {
      if (known.size <= keptIndexes) break;
      known.delete(key);
    }
    // One after the other: each begins where the one before stopped, and a failed one leaves what it had read.
    entry.growing = entry.growing
      .catch(() => undefined)
      .then(async () => {
        const signal = new AbortController().signal;
        const wanted = { storePrefix, fromByte: entry.index.bytes, follow: false };
        for await (const chunk of openLog(wanted, signal)) entry.index.add(chunk);
      });
    await entry.growing;
    return entry.index;
  };

  const read = async (storePrefix: string, startByte: number, endByte: number): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    let missing = endByte - startByte;
    if (missing <= 0) return Buffer.alloc(0);
    const abort = new AbortController();
    try {
      for await (const chunk of openLog({ storePrefix, fromByte: startByte, follow: false }, abort.signal)) {
        parts.push(chunk.subarray(0, missing));
        missing -= chunk.length;
        if (missing <= 0) break;
      }
    } finally {
      abort.abort();
    }
    return Buffer.concat(parts);
  };

  return {
    async part(storePrefix, place) {
      const index = await indexed(storePrefix);
      const whole = blockFor(index, place);
      const block = await read(storePrefix, whole.startByte, whole.endByte);
      let from = 0;
      let to = block.length;
      if (place.kind === 'from') from = Math.min(Math.max(0, place.byte - whole.startByte), to);
      if (place.kind === 'before') to = Math.min(Math.max(0, place.byte - whole.startByte), to);
      const skipped = block.subarray(0, from);
      return {
        bytes: block.subarray(from, to),
        startByte: whole.startByte + from,
        endByte: whole.startByte + to,
        firstLine: whole.firstLine + newlinesIn(skipped),
        isMidLine: from === 0 ? whole.isMidLine : skipped.at(-1) !== 10,
        totalBytes: index.bytes,
        totalLines: index.lines,
      };
    },

    async search(storePrefix, { text, fromByte }) {
      const index = await indexed(storePrefix);
      const start = index.blockAt(Math.min(fromByte, Math.max(0, index.bytes - 1)));
      const wanted = text.toLowerCase();
      const lines: number[] = [];
      let line = start.firstLine;
      let done = start.startByte;
      let rest: Buffer = Buffer.alloc(0);
      const abort = new AbortController();
      const look = (piece: Buffer): void => {
        let shown = piece.toString('utf8');
        if (shown.includes('\u001b')) shown = stripVTControlCharacters(shown);
        shown = shown.toLowerCase();
        let counted = 0;
        let at = shown.indexOf(wanted);
        while (at >= 0) {
          while (true) {
            const next = shown.indexOf('\n', counted);
            if (next < 0 || next >= at) break;
            counted = next + 1;
            line += 1;
          }
          if (lines.at(-1) !== line) lines.push(line);
          const end = shown.indexOf('\n', at);
          at = end < 0 ? -1 : shown.indexOf(wanted, end);
        }
        line += shown.slice(counted).split('\n').length - 1;
        done += piece.length;
      };
      try {
        for await (const chunk of openLog({ storePrefix, fromByte: done, follow: false }, abort.signal)) {
          const joined = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
          const cut = joined.lastIndexOf(10) + 1;
          // A line longer than this is looked at in pieces; a match over the seam is missed.
          const whole = cut === 0 && joined.length > 1024 * 1024 ? joined.length : cut;
          look(joined.subarray(0, whole));
          rest = joined.subarray(whole);
          if (lines.length >= mostMatches || done - start.startByte >= searchBytes) {
            return { lines, nextByte: done, totalBytes: index.bytes };
          }
        }
        look(rest);
        return { lines, nextByte: null, totalBytes: Math.max(done, index.bytes) };
      } finally {
        abort.abort();
      }
    },
  };
}

function blockFor(index: LineIndex, place: LogPlace): LogBlock {
  switch (place.kind) {
    case 'line':
      return index.blockOfLine(place.line);
    case 'from':
      return index.blockAt(place.byte);
    case 'before':
      return index.blockAt(Math.max(0, place.byte - 1));
    case 'last':
      return index.blockAt(index.bytes);
  }
}

function newlinesIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
