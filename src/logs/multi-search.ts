/** Finds many byte strings at once. */
export interface Search {
  /** Calls `found` for each occurrence that lies in `bytes`, by its start; `found` returns false to stop. */
  each(bytes: Uint8Array, found: (start: number, end: number) => boolean): void;
  /** Where the longest end of `bytes` begins that some pattern begins with, without ending in it; `bytes.length` if none does. */
  openEnd(bytes: Uint8Array): number;
}

/**
 * Wu and Manber's search with blocks of two bytes: a window as long as the shortest pattern steps over the text; the last
 * two bytes in it say how far the next possible occurrence is. Most bytes are never looked at.
 * "A fast algorithm for multi-pattern searching", University of Arizona TR-94-17, 1994.
 * @param patterns two bytes or longer, at least one
 */
export function createSearch(patterns: readonly Uint8Array[]): Search {
  const shortest = Math.min(...patterns.map(({ length }) => length));
  const longest = Math.max(...patterns.map(({ length }) => length));
  // How far to step for each pair of bytes; 0: a pattern may end its first `shortest` bytes here.
  const step = new Uint16Array(65_536).fill(Math.min(shortest - 1, 65_535));
  const candidates = new Map<number, Uint8Array[]>();
  const firstBytes = new Map<number, Uint8Array[]>();
  for (const pattern of patterns) {
    for (let at = 1; at < shortest; at++) {
      const pair = pairAt(pattern, at);
      step[pair] = Math.min(step[pair] ?? 0, shortest - 1 - at);
      if (at === shortest - 1) addTo(candidates, pair, pattern);
    }
    addTo(firstBytes, pattern[0] ?? 0, pattern);
  }
  return {
    each(bytes, found) {
      const { length } = bytes;
      for (let at = shortest - 1; at < length;) {
        const pair = pairAt(bytes, at);
        const skip = step[pair] ?? 0;
        if (skip > 0) {
          at += skip;
          continue;
        }
        const start = at - shortest + 1;
        let end = 0;
        for (const pattern of candidates.get(pair) ?? []) {
          if (pattern.length > end - start && isAt(bytes, start, pattern)) end = start + pattern.length;
        }
        // The longest one at this start covers what the others cover.
        if (end > 0 && !found(start, end)) return;
        at++;
      }
    },
    openEnd(bytes) {
      for (let start = Math.max(0, bytes.length - longest + 1); start < bytes.length; start++) {
        const possible = firstBytes.get(bytes[start] ?? 0);
        if (possible?.some((pattern) => isCutAt(bytes, start, pattern)) === true) return start;
      }
      return bytes.length;
    },
  };
}

function pairAt(bytes: Uint8Array, at: number): number {
  return (bytes[at - 1] ?? 0) | ((bytes[at] ?? 0) << 8);
}

function addTo(lists: Map<number, Uint8Array[]>, key: number, pattern: Uint8Array): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [pattern]);
  else list.push(pattern);
}

/** True when `pattern` lies whole in `bytes` from `start` on. */
function isAt(bytes: Uint8Array, start: number, pattern: Uint8Array): boolean {
  if (start + pattern.length > bytes.length) return false;
  for (let at = 0; at < pattern.length; at++) if (bytes[start + at] !== pattern[at]) return false;
  return true;
}

/** True when `bytes` ends within `pattern`, which begins at `start`. */
function isCutAt(bytes: Uint8Array, start: number, pattern: Uint8Array): boolean {
  const length = bytes.length - start;
  if (length >= pattern.length) return false;
  for (let at = 0; at < length; at++) if (bytes[start + at] !== pattern[at]) return false;
  return true;
}
