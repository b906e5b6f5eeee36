import { AnsiReader } from '../../results/ansi.ts';
import type { LogBlock } from './log-block.ts';
import { fillLine, lineElement } from './log-rows.ts';

// However long the log is, this much of it is in the page.
const mostRows = 5000;
const segmentRows = 800;
const pieceLines = 200;
const pieceBytes = 64 * 1024;
const newline = 10;

/** A run of rows that comes and goes as one. */
interface Segment {
  readonly startByte: number;
  endByte: number;
  readonly firstLine: number;
  /** The line after the last complete one. */
  nextLine: number;
  readonly rows: HTMLLIElement[];
}

/** Reads bytes on from the end of the window: keeps what a character, a colour or a line has begun. */
interface Pen {
  readonly decoder: TextDecoder;
  readonly reader: AnsiReader;
  /** The row of the line that is not complete. */
  open: HTMLLIElement | null;
  /** The line in hand began above the row in hand. */
  isContinued: boolean;
}

const newPen = (isContinued: boolean): Pen => ({
  decoder: new TextDecoder('utf-8', { ignoreBOM: true }),
  reader: new AnsiReader(),
  open: null,
  isContinued,
});

/** The part of a log that is in the page: contiguous, extended at either end, and cut at the other when it grows too long. */
export class LogWindow {
  readonly #list: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #onRows: (rows: readonly HTMLLIElement[]) => void;
  #segments: Segment[] = [];
  #pen: Pen = newPen(false);

  constructor(list: HTMLElement, scroller: HTMLElement, onRows: (rows: readonly HTMLLIElement[]) => void) {
    this.#list = list;
    this.#scroller = scroller;
    this.#onRows = onRows;
  }

  /** Offset of the first byte shown. */
  get startByte(): number {
    return this.#segments[0]?.startByte ?? 0;
  }

  /** Offset behind the last byte shown. */
  get endByte(): number {
    return this.#segments.at(-1)?.endByte ?? 0;
  }

  get firstLine(): number {
    return this.#segments[0]?.firstLine ?? 1;
  }

  /** The last line shown, complete or not. */
  get lastLine(): number {
    const last = this.#segments.at(-1);
    return last === undefined ? 0 : last.nextLine - (this.#pen.open === null ? 1 : 0);
  }

  /** Number of the line that the next byte belongs to. */
  get nextLine(): number {
    return this.#segments.at(-1)?.nextLine ?? 1;
  }

  get rowCount(): number {
    return this.#segments.reduce((sum, { rows }) => sum + rows.length, 0);
  }

  get isFull(): boolean {
    return this.rowCount >= mostRows;
  }

  /** All rows, in order. */
  rows(): readonly HTMLLIElement[] {
    return this.#segments.flatMap(({ rows }) => rows);
  }

  /** Shows this block and nothing else. */
  reset(block: Pick<LogBlock, 'bytes' | 'startByte' | 'firstLine' | 'isMidLine'>): void {
    this.#segments = [];
    this.#list.replaceChildren();
    this.#pen = newPen(block.isMidLine);
    this.#segments.push(emptySegment(block.startByte, block.firstLine));
    this.append(block.bytes);
  }

  /** Adds what follows the window's last byte. */
  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const end = pieceEnd(bytes, at);
      this.#write(bytes.subarray(at, end));
      at = end;
    }
  }

  #write(bytes: Uint8Array): void {
    const pen = this.#pen;
    const added: HTMLLIElement[] = [];
    let segment = this.#segments.at(-1);
    if (segment === undefined) {
      segment = emptySegment(0, 1);
      this.#segments.push(segment);
    }
    // A segment ends with a line, since a line in hand is written on in its row.
    if (segment.rows.length >= segmentRows && pen.open === null) {
      segment = emptySegment(segment.endByte, segment.nextLine);
      this.#segments.push(segment);
    }
    const lines = pen.reader.write(pen.decoder.decode(bytes, { stream: true }));
    for (const line of lines) {
      const isNew = pen.open === null;
      const row = pen.open ?? lineElement(line, pen.isContinued ? null : segment.nextLine);
      if (isNew) {
        segment.rows.push(row);
        added.push(row);
      } else fillLine(textOf(row), line);
      pen.open = null;
      pen.isContinued = line.isCut;
      if (!line.isCut) segment.nextLine += 1;
    }
    segment.endByte += bytes.length;
    if (!pen.reader.isAtLineStart()) {
      const pending = pen.reader.pending();
      if (pen.open === null) {
        pen.open = lineElement(pending, pen.isContinued ? null : segment.nextLine);
        segment.rows.push(pen.open);
        added.push(pen.open);
      } else fillLine(textOf(pen.open), pending);
    }
    this.#list.append(...added);
    this.#onRows(added);
  }

  /** Adds the block that ends where the window begins; what the reader looks at stays where it is. */
  prepend(block: LogBlock): void {
    if (block.endByte !== this.startByte || block.bytes.length === 0) return;
    const before = this.#scroller.scrollHeight;
    const segment = emptySegment(block.startByte, block.firstLine);
    const reader = new AnsiReader();
    const lines = reader.write(new TextDecoder('utf-8', { ignoreBOM: true }).decode(block.bytes));
    if (!reader.isAtLineStart()) lines.push({ ...reader.pending(), isCut: true });
    let isContinued = block.isMidLine;
    for (const line of lines) {
      segment.rows.push(lineElement(line, isContinued ? null : segment.nextLine));
      isContinued = line.isCut;
      if (!line.isCut) segment.nextLine += 1;
    }
    segment.endByte = block.endByte;
    this.#segments.unshift(segment);
    this.#list.prepend(...segment.rows);
    this.#onRows(segment.rows);
    this.#scroller.scrollTop += this.#scroller.scrollHeight - before;
  }

  /** Forgets rows at the top until the rest is few enough; the view does not move, unless it is at the end anyway. */
  trimTop(isAtEnd: boolean): void {
    if (this.rowCount <= mostRows) return;
    const before = isAtEnd ? 0 : this.#scroller.scrollHeight;
    let isChanged = false;
    while (this.rowCount > mostRows && this.#segments.length > 1) {
      for (const row of this.#segments.shift()?.rows ?? []) row.remove();
      isChanged = true;
    }
    if (isChanged && !isAtEnd) this.#scroller.scrollTop -= before - this.#scroller.scrollHeight;
  }

  /** Forgets rows at the bottom; returns whether any went, and with them the end of the log. */
  trimBottom(): boolean {
    let isChanged = false;
    while (this.rowCount > mostRows && this.#segments.length > 1) {
      for (const row of this.#segments.pop()?.rows ?? []) row.remove();
      isChanged = true;
    }
    if (isChanged) this.#pen = newPen(false);
    return isChanged;
  }

  /** The row in which a line begins, if it is in the page. */
  rowOf(line: number): HTMLLIElement | null {
    const row = document.getElementById(`L${line}`);
    return row instanceof HTMLLIElement && this.#list.contains(row) ? row : null;
  }
}

/** Where a piece ends that is small enough to be shown at once: behind a newline, if there is one. */
function pieceEnd(bytes: Uint8Array, start: number): number {
  const most = Math.min(bytes.length, start + pieceBytes);
  let end = start;
  for (let lines = 0; lines < pieceLines; lines += 1) {
    const at = bytes.indexOf(newline, end);
    if (at < 0 || at >= most) break;
    end = at + 1;
  }
  return end === start ? most : end;
}

function emptySegment(startByte: number, firstLine: number): Segment {
  return { startByte, endByte: startByte, firstLine, nextLine: firstLine, rows: [] };
}

function textOf(row: HTMLElement): HTMLElement {
  return (row.lastElementChild ?? row) as HTMLElement;
}
