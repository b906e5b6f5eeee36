import { plainText } from './plain-text.ts';
import { textWidth, truncate } from './text-width.ts';
import type { Style, Terminal } from './terminal.ts';

/** One column: its head, the cell of a row (any text; it is made plain here), and how it may look. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly style?: (row: Row) => Style | null;
  readonly align?: 'left' | 'right';
  /** May be cut, the widest first, to fit the terminal. Others never are. */
  readonly isFlexible?: boolean;
}

const gap = 2;
const leastWidth = 6;

/** Prints rows under heads. On a terminal it fits the width; in a pipe nothing is cut. */
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
    columns.map((column) => column.isFlexible === true),
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
    await terminal.line(
      layout(cells[number] ?? [], (text, index) => {
        const style = columns[index]?.style?.(row) ?? null;
        return style === null ? text : terminal.paint(style, text);
      }),
    );
  }
}

/** Takes columns away from the widest flexible cell until the line fits, or none can give more. */
function fit(widths: readonly number[], isFlexible: readonly boolean[], columns: number | null): readonly number[] {
  const fitted = [...widths];
  if (columns === null) return fitted;
  const gaps = gap * (fitted.length - 1);
  for (;;) {
    const excess = fitted.reduce((sum, width) => sum + width, gaps) - columns;
    if (excess <= 0) return fitted;
    let widest = -1;
    for (const [index, width] of fitted.entries()) {
      if (isFlexible[index] === true && width > leastWidth && width > (fitted[widest] ?? 0)) widest = index;
    }
    if (widest < 0) return fitted;
    // Down to the next widest at once, so that a 10 kB branch name costs few rounds.
    const next = Math.max(
      leastWidth,
      ...fitted.filter(
        (width, index) => isFlexible[index] === true && index !== widest && width < (fitted[widest] ?? 0),
      ),
    );
    fitted[widest] = Math.max(next, (fitted[widest] ?? 0) - excess, leastWidth);
    if (fitted[widest] === widths[widest]) fitted[widest] = (fitted[widest] ?? 0) - 1;
  }
}
