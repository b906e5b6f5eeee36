import type { Sql } from '../../base/sqlite.ts';
import type { JobId } from '../../core/job.ts';
import type { ForgettableCursor, ForgettableRun } from '../ledger.ts';
import { jobOf } from './job-row.ts';

/**
 * Whether job `j` is needed; see `Ledger.forgettableRuns`. The newest row stays whatever its age: its number tells how many
 * there ever were (`readCounts`), and SQLite would give it again.
 */
const isNeeded = `(
  EXISTS (SELECT 1 FROM changes c WHERE c.forge = j.forge AND c.repo = j.repo AND c.head_sha = j.sha AND c.is_open = 1)
  OR (EXISTS (SELECT 1 FROM changes c WHERE c.key = j.change_key AND c.is_open = 1)
      AND NOT EXISTS (SELECT 1 FROM jobs newer WHERE newer.change_key = j.change_key AND newer.context = j.context
                        AND (newer.queued_at, newer.seq) > (j.queued_at, j.seq)))
  OR EXISTS (SELECT 1 FROM attempts a WHERE a.job_id = j.id AND a.state = 'live')
  OR EXISTS (SELECT 1 FROM reports r WHERE r.job_id = j.id AND r.posted_version < r.version AND r.refused_version < r.version)
  OR j.seq = (SELECT MAX(seq) FROM jobs))`;

interface EndedRow {
  readonly seq: number;
  readonly generation: number;
  readonly ended_at: number;
  readonly body: string;
  readonly is_needed: number;
}

/** See `Ledger.forgettableRuns`: one walk along the index of what ended, as far as `limit`, whatever is needed of it. */
export function forgettableRuns(
  sql: Sql,
  endedBefore: number,
  after: ForgettableCursor | null,
  limit: number,
): { readonly runs: readonly ForgettableRun[]; readonly next: ForgettableCursor | null } {
  const rows = sql.all<EndedRow>(
    `SELECT seq, generation, ended_at, body, ${isNeeded} AS is_needed FROM jobs j
     WHERE state = 'ended' AND (ended_at, seq) > (?, ?) AND ended_at < ? ORDER BY ended_at, seq LIMIT +?`,
    after?.endedAt ?? Number.MIN_SAFE_INTEGER,
    after?.seq ?? 0,
    endedBefore,
    limit,
  );
  const last = rows.at(-1);
  return {
    runs: rows.filter((row) => row.is_needed === 0).map(({ body, generation }) => ({ job: jobOf(body), generation })),
    next: last === undefined || rows.length < limit ? null : { endedAt: last.ended_at, seq: last.seq },
  };
}

/** See `Ledger.forgetRuns`: asked again here, for meanwhile a push may have made the commit a head. */
export function forgetRuns(
  sql: Sql,
  runs: readonly { readonly jobId: JobId; readonly generation: number }[],
  endedBefore: number,
): number {
  let forgotten = 0;
  for (const { jobId, generation } of runs) {
    const { changes } = sql.run(
      `DELETE FROM jobs AS j WHERE id = ? AND generation = ? AND state = 'ended' AND ended_at < ? AND NOT ${isNeeded}`,
      jobId,
      generation,
      endedBefore,
    );
    if (changes === 0) continue;
    sql.run('DELETE FROM attempts WHERE job_id = ?', jobId);
    sql.run('DELETE FROM reports WHERE job_id = ?', jobId);
    forgotten += 1;
  }
  return forgotten;
}

/** See `Ledger.unknownRuns`. `g` follows every hex digit. */
export function unknownRuns(sql: Sql, idStarts: readonly string[]): readonly string[] {
  return idStarts.filter(
    (start) => sql.get('SELECT 1 FROM jobs WHERE id >= ? AND id < ? LIMIT 1', start, `${start}g`) === undefined,
  );
}
