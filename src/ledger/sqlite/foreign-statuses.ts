import type { Sql } from '../../base/sqlite.ts';
import type { Change } from '../../core/change.ts';
import type { VerdictState } from '../../core/verdict.ts';
import type { ForeignStatus } from '../ledger.ts';
import type { ShadowRow } from '../ledger-reader.ts';
import { outcomeOf } from './job-row.ts';

/** Strangers name contexts: no commit fills our disk. */
const mostOfCommit = 500;
const longestName = 255;

/**
 * What another CI shows at the head, with the first time that it was seen pending since it last had a verdict. A look that
 * shows nothing new writes nothing.
 */
export function rememberForeign(
  sql: Sql,
  { forge, repo, headSha }: Change,
  statuses: readonly ForeignStatus[],
  now: number,
): void {
  for (const { context, state, createdAt, creator } of statuses.slice(0, mostOfCommit)) {
    if (context.length > longestName) continue;
    sql.run(
      `INSERT INTO foreign_statuses (forge, repo, sha, context, state, creator, pending_at, final_at, seen_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?5 = 'pending' THEN ?7 END, CASE WHEN ?5 <> 'pending' THEN ?7 END, ?8)
       ON CONFLICT (forge, repo, sha, context) DO UPDATE SET state = ?5, creator = ?6, seen_at = ?8,
         pending_at = CASE WHEN ?5 <> 'pending' THEN pending_at ELSE ?7 END,
         final_at = CASE WHEN ?5 <> 'pending' THEN ?7 END
       WHERE state <> ?5 OR (?5 <> 'pending' AND final_at IS NOT ?7)`,
      forge,
      repo,
      headSha,
      context,
      state,
      creator?.slice(0, longestName) ?? null,
      createdAt ?? null,
      now,
    );
  }
}

interface Row {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  readonly job_id: string | null;
  readonly outcome: string | null;
  readonly queued_at: number | null;
  readonly ended_at: number | null;
  readonly state: VerdictState | null;
  readonly creator: string | null;
  readonly pending_at: number | null;
  readonly final_at: number | null;
}

/** See `LedgerReader.shadowRows`. */
export function shadowRows(sql: Sql, since: number, limit: number): readonly ShadowRow[] {
  return sql
    .all<Row>(
      `SELECT f.forge, f.repo, f.sha, f.context, j.id AS job_id, j.outcome, j.queued_at, j.ended_at, f.state, f.creator,
         f.pending_at, f.final_at, f.seen_at AS at
       FROM foreign_statuses f
         LEFT JOIN reports r ON r.forge = f.forge AND r.repo = f.repo AND r.sha = f.sha AND r.context = f.context
         LEFT JOIN jobs j ON j.id = r.job_id
       WHERE f.seen_at >= ?1
       UNION ALL
       SELECT j.forge, j.repo, j.sha, j.context, j.id, j.outcome, j.queued_at, j.ended_at, NULL, NULL, NULL, NULL, j.queued_at
       FROM jobs j JOIN reports r ON r.job_id = j.id
       WHERE j.queued_at >= ?1
         AND EXISTS (SELECT 1 FROM foreign_statuses f WHERE f.forge = j.forge AND f.repo = j.repo AND f.seen_at >= ?1)
         AND NOT EXISTS (SELECT 1 FROM foreign_statuses f
         WHERE f.forge = j.forge AND f.repo = j.repo AND f.sha = j.sha AND f.context = j.context)
       ORDER BY at DESC LIMIT +?2`,
      since,
      limit,
    )
    .map((row) => ({
      forge: row.forge,
      repo: row.repo,
      sha: row.sha,
      context: row.context,
      ours:
        row.job_id === null
          ? null
          : { outcome: outcomeOf(row.outcome), queuedAt: row.queued_at ?? 0, endedAt: row.ended_at },
      theirs:
        row.state === null
          ? null
          : { state: row.state, creator: row.creator, pendingAt: row.pending_at, finalAt: row.final_at },
    }));
}
