import type { CliContext } from './cli-context.ts';
import type { Column } from './output/table.ts';
import { sayEmpty } from './verb.ts';

/** How a list is shown: as JSON for a script, else as a table, or in words when there is nothing in it. */
export interface ListWords<Row> {
  readonly isJson: boolean;
  /** What a script gets of a row; default: the row. */
  readonly asJson?: (row: Row) => unknown;
  /** What there is not, and what to do about it. */
  readonly empty: string;
  readonly columns: () => readonly Column<Row>[] | Promise<readonly Column<Row>[]>;
}

/** Prints what a command found. What draws is loaded only when it is needed. */
export async function printList<Row>(
  context: CliContext,
  rows: readonly Row[],
  { isJson, asJson, empty, columns }: ListWords<Row>,
): Promise<void> {
  if (isJson) {
    const { plainJson } = await import('./output/plain-text.ts');
    await context.out.line(plainJson(asJson === undefined ? rows : rows.map(asJson)));
  } else if (rows.length === 0) {
    await sayEmpty(context, empty);
  } else {
    const { printTable } = await import('./output/table.ts');
    await printTable(context.out, await columns(), rows);
  }
}
