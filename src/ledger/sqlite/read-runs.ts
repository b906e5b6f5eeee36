import type { Sql } from '../../base/sqlite.ts';
import type { RunFilter, RunPage } from '../ledger-reader.ts';
import { readCursor, writeCursor } from './read-cursor.ts';
import { summaryColumns, summaryOf, type SummaryRow } from './read-summary.ts';
import { waitingPage } from './read-waiting.ts';

type Kind = 'queued' | 'running' | 'ended';

/** The column that a list is ordered by. */
const orderColumn = { queued: 'queued_at', running: 'started_at', ended: 'ended_at' } as const;

// SQLite takes the index of what is under way only for its very condition. Those are few, and sorted when asked for.
const condition = {
  queued: '',
  running: `state IN ('offered', 'running') AND state = 'running' AND`,
  ended: `state = 'ended' AND`,
} as const;

const listSql = (kind: Kind, ofRepo: string): string =>
  `SELECT ${summaryColumns} FROM jobs WHERE ${condition[kind]} ${ofRepo} (${orderColumn[kind]}, seq) < (?, ?)
   ORDER BY ${orderColumn[kind]} DESC, seq DESC LIMIT +?`;

const statements: Readonly<Record<Kind, { readonly all: string; readonly ofRepo: string }>> = {
  queued: { all: listSql('queued', ''), ofRepo: listSql('queued', 'repo = ? AND') },
  // The plus keeps SQLite from the index that holds all jobs of the repository.
  running: { all: listSql('running', ''), ofRepo: listSql('running', '+repo = ? AND') },
  ended: { all: listSql('ended', ''), ofRepo: listSql('ended', 'repo = ? AND') },
};

/** See `LedgerReader.listRuns`. */
export function listRuns(sql: Sql, filter: RunFilter): RunPage {
  if (filter.state === 'waiting') return waitingPage(sql, filter);
  const kind: Kind = filter.state ?? 'queued';
  const cursor = filter.before === undefined ? null : readCursor(filter.before);
  const from = cursor?.kind === kind ? cursor : { at: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };
  const statement = statements[kind];
  // One more than asked for tells whether there is a next page.
  const rows =
    filter.repo === undefined
      ? sql.all<SummaryRow>(statement.all, from.at, from.seq, filter.limit + 1)
      : sql.all<SummaryRow>(statement.ofRepo, filter.repo, from.at, from.seq, filter.limit + 1);
  const shown = rows.slice(0, filter.limit);
  const last = shown.at(-1);
  return {
    runs: shown.map((row) => summaryOf(sql, row)),
    next:
      last === undefined || rows.length <= filter.limit
        ? null
        : writeCursor({ kind, at: last[orderColumn[kind]] ?? 0, seq: last.seq }),
  };
}
