/** A stretch of a log that is fetched at once: whole lines, unless a line is longer than a block. Offsets are bytes. */
export interface LogBlock {
  readonly startByte: number;
  readonly endByte: number;
  /** Number, from 1, of the line that holds the first byte. */
  readonly firstLine: number;
  /** The first byte is inside that line, not its beginning. */
  readonly isMidLine: boolean;
}

const blockBytes = 64 * 1024;
// Bounds what one answer holds when a job prints a line without end, or nothing but newlines.
const longestBlockBytes = 256 * 1024;
const blockLines = 1000;
const newline = 10;

/**
 * Where the lines of a log are, coarsely: one entry a block, so a log of 1 GB needs some 16,000. Fed once, in order, with
 * all bytes of the log; may be asked between.
 */
export class LineIndex {
  readonly #starts: number[] = [0];
  // The line that a block's first byte is in; half a line more when the block begins inside it. Rises strictly or stays.
  readonly #lines: number[] = [1];
  #bytes = 0;
  #newlines = 0;
  #endsInNewline = false;

  /** Bytes seen so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lines seen so far; the last one may be unfinished. */
  get lines(): number {
    return this.#newlines + (this.#endsInNewline || this.#bytes === 0 ? 0 : 1);
  }

  /** The next bytes of the log. */
  add(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      const start = this.#starts.at(-1) ?? 0;
      const limit = start + longestBlockBytes - this.#bytes;
      const at = chunk.indexOf(newline, from);
      if (at < 0 || at >= limit) {
        if (limit >= chunk.length) break;
        this.#cut(this.#bytes + limit, this.#newlines + 1.5);
        from = limit;
        continue;
      }
      this.#newlines += 1;
      from = at + 1;
      const end = this.#bytes + from;
      const linesHere = this.#newlines + 1 - (this.#lines.at(-1) ?? 1);
      if (end - start >= blockBytes || linesHere >= blockLines) this.#cut(end, this.#newlines + 1);
    }
    this.#bytes += chunk.length;
    if (chunk.length > 0) this.#endsInNewline = chunk.at(-1) === newline;
  }

  /** The block that holds this byte; the last one for a byte past the end. */
  blockAt(byte: number): LogBlock {
    return this.#block(countBelow(this.#starts, byte + 1) - 1);
  }

  /** The block in which this line (from 1) begins; the last one for a line past the end. */
  blockOfLine(line: number): LogBlock {
    const entry = countBelow(this.#lines, line);
    return this.#block(this.#lines[entry] === line ? entry : entry - 1);
  }

  #cut(byte: number, line: number): void {
    this.#starts.push(byte);
    this.#lines.push(line);
  }

  #block(entry: number): LogBlock {
    const known = Math.max(0, entry);
    const line = this.#lines[known] ?? 1;
    return {
      startByte: this.#starts[known] ?? 0,
      endByte: this.#starts[known + 1] ?? this.#bytes,
      firstLine: Math.floor(line),
      isMidLine: !Number.isInteger(line),
    };
  }
}

/** How many elements are below `value`; the elements never fall. */
function countBelow(rising: readonly number[], value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
