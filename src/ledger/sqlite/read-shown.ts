import type { Sql } from '../../base/sqlite.ts';
import type { Notice } from '../../core/action.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { ShownContext } from '../ledger-reader.ts';

interface Row {
  readonly context: string;
  readonly job_id: string | null;
  readonly notice: string | null;
  readonly said: string | null;
  readonly is_current: number;
  readonly refused: string | null;
}

/** See `LedgerReader.shownAt`. */
export function shownAt(
  sql: Sql,
  { forge, repo, sha }: { readonly forge: string; readonly repo: string; readonly sha: string },
): readonly ShownContext[] {
  return sql
    .all<Row>(
      `SELECT context, job_id, notice, said, posted_version >= version AS is_current,
         CASE WHEN posted_version < version AND refused_version >= version THEN refused END AS refused
       FROM reports WHERE forge = ? AND repo = ? AND sha = ? ORDER BY context`,
      forge,
      repo,
      sha,
    )
    .map((row) => ({
      context: row.context,
      jobId: row.job_id,
      notice: row.notice === null ? null : (JSON.parse(row.notice) as Notice),
      said: row.said === null ? null : (JSON.parse(row.said) as Verdict),
      isCurrent: row.is_current === 1,
      refused: row.refused,
    }));
}
