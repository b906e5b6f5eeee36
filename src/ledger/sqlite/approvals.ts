import type { Sql } from '../../base/sqlite.ts';
import type { Approval } from '../ledger-reader.ts';

/** See `LedgerReader.approvals`. `at > 0` is always so: it has SQLite go along the index, from its end, to the limit. */
export function readApprovals(sql: Sql, repo: string | null, limit: number): readonly Approval[] {
  return sql
    .all<Omit<Approval, 'standing'> & { readonly headSha: string; readonly isOpen: number }>(
      `SELECT a.change_key AS changeKey, c.forge, c.repo, a.sha, a.by, a.at, a.request_id AS requestId, c.head_sha AS headSha,
         c.is_open AS isOpen
       FROM approvals a JOIN changes c ON c.key = a.change_key
       WHERE a.at > 0 AND (?1 IS NULL OR c.repo = ?1) ORDER BY a.at DESC LIMIT ?2`,
      repo,
      limit,
    )
    .map(({ headSha, isOpen, ...row }) => ({
      ...row,
      standing: isOpen === 0 ? 'closed' : headSha === row.sha ? 'holds' : 'outdated',
    }));
}
