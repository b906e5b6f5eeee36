import { plainText } from './plain-text.ts';
import { textWidth, truncate, wrap } from './text-width.ts';
import type { Style, Terminal } from './terminal.ts';

/** One column: its head, the cell of a row (any text; it is made plain here), and how it may look. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly style?: (row: Row) => Style | null;
  readonly align?: 'left' | 'right';
  /** May be made narrower, the widest first, to fit the terminal. Others never are. */
  readonly isFlexible?: boolean;
  /** Made narrower, it goes on in the next line instead of being cut: sentences that people act on. */
  readonly isWrapped?: boolean;
}

const gap = 2;
const leastWidth = 6;
const leastWrapped = 16;

/** Prints rows under heads. On a terminal it fits the width; in a pipe nothing is cut or wrapped. */
export async function printTable<Row>(
  terminal: Terminal,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Promise<void> {
  const cells = rows.map((row) => columns.map((column) => plainText(column.cell(row))));
  const widths = fit(
    columns.map((column, index) =>
      Math.max(textWidth(column.head), ...cells.map((line) => textWidth(line[index] ?? ''))),
    ),
    columns.map(({ isFlexible, isWrapped }) =>
      isWrapped === true ? leastWrapped : isFlexible === true ? leastWidth : null,
    ),
    terminal.columns(),
  );
  const layout = (texts: readonly string[], paint: (text: string, index: number) => string): string => {
    const last = columns.length - 1;
    return texts
      .map((text, index) => {
        const short = truncate(text, widths[index] ?? 0);
        const pad = ' '.repeat(Math.max(0, (widths[index] ?? 0) - textWidth(short)));
        const painted = paint(short, index);
        if (columns[index]?.align === 'right') return pad + painted;
        return index === last ? painted : painted + pad;
      })
      .join(' '.repeat(gap))
      .trimEnd();
  };
  await terminal.line(
    layout(
      columns.map((column) => column.head),
      (text) => terminal.paint('dim', text),
    ),
  );
  for (const [number, row] of rows.entries()) {
    const texts = (cells[number] ?? []).map((text, index) =>
      columns[index]?.isWrapped === true ? wrap(text, widths[index] ?? 0) : [text],
    );
    const height = Math.max(1, ...texts.map((lines) => lines.length));
    for (let line = 0; line < height; line += 1) {
      await terminal.line(
        layout(
          texts.map((lines) => lines[line] ?? ''),
          (text, index) => {
            const style = columns[index]?.style?.(row) ?? null;
            return style === null || text === '' ? text : terminal.paint(style, text);
          },
        ),
      );
    }
  }
}

/** Takes columns away from the widest flexible cell until the line fits, or none can give more. `least` null: not flexible. */
function fit(widths: readonly number[], least: readonly (number | null)[], columns: number | null): readonly number[] {
  const mayGive = (width: number, index: number): boolean => width > (least[index] ?? Number.POSITIVE_INFINITY);
  const fitted = [...widths];
  if (columns === null) return fitted;
  const gaps = gap * (fitted.length - 1);
  for (;;) {
    const excess = fitted.reduce((sum, width) => sum + width, gaps) - columns;
    if (excess <= 0) return fitted;
    let widest = -1;
    for (const [index, width] of fitted.entries()) {
      if (mayGive(width, index) && width > (fitted[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return fitted;
    // Down to the next widest at once, so that a 10 kB branch name costs few rounds.
    const next = Math.max(
      least[widest] ?? 0,
      ...fitted.filter((width, index) => mayGive(width, index) && index !== widest && width < (fitted[widest] ?? 0)),
    );
    fitted[widest] = Math.max(next, (fitted[widest] ?? 0) - excess);
    if (fitted[widest] === widths[widest]) fitted[widest] = (fitted[widest] ?? 0) - 1;
  }
}
