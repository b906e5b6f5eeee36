import type { Sql } from '../../base/sqlite.ts';

/** A commit that is the head of an open place of its repository. */
const isHead = (table: string): string =>
  `EXISTS (SELECT 1 FROM changes c WHERE c.forge = ${table}.forge AND c.repo = ${table}.repo AND c.head_sha = ${table}.sha AND c.is_open = 1)`;

/**
 * See `Ledger.forgetTraces`; `?1` is the time, `?2` the limit. Each reads a few rows of an index that begins with the oldest.
 * - Deliveries are numbered as they come, so their own order does; the newest stays, since its number tells how many there
 *   ever were (`readCounts`).
 * - A chore that is done has done its work, and its age is not known: it goes at once.
 */
const statements: readonly string[] = [
  `DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE seq > 0 ORDER BY seq LIMIT +?2)
     AND state <> 'pending' AND ended_at < ?1 AND seq < (SELECT MAX(seq) FROM deliveries)`,
  `DELETE FROM chores WHERE id IN (SELECT id FROM chores WHERE is_done = 1 AND id > 0 ORDER BY id LIMIT +?2) AND ?1 IS NOT NULL`,
  `DELETE FROM requests_done WHERE id IN (SELECT id FROM requests_done WHERE at < ?1 AND id NOT IN
     (SELECT json_extract(body, '$.requestId') FROM chores WHERE is_done = 0 AND json_extract(body, '$.requestId') IS NOT NULL)
     ORDER BY at LIMIT +?2)`,
  `DELETE FROM reports WHERE (forge, repo, sha, context) IN (SELECT forge, repo, sha, context FROM reports r
     WHERE job_id IS NULL AND posted_at < ?1 AND (posted_version >= version OR refused_version >= version) AND NOT ${isHead('r')} ORDER BY posted_at LIMIT +?2)`,
  `DELETE FROM approvals WHERE (change_key, sha) IN (SELECT change_key, sha FROM approvals a WHERE at < ?1 AND NOT EXISTS
     (SELECT 1 FROM changes c WHERE c.key = a.change_key AND c.is_open = 1 AND c.head_sha = a.sha) ORDER BY at LIMIT +?2)`,
  `DELETE FROM changes WHERE key IN (SELECT key FROM changes c WHERE is_open = 0 AND seen_at < ?1
     AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.change_key = c.key) ORDER BY seen_at LIMIT +?2)`,
  `DELETE FROM issues WHERE (forge, repo, branch, context) IN (SELECT forge, repo, branch, context FROM issues
     WHERE is_open = 0 AND kept_at < ?1 AND kept_version >= version ORDER BY kept_at LIMIT +?2)`,
  `DELETE FROM foreign_statuses WHERE (forge, repo, sha, context) IN (SELECT forge, repo, sha, context FROM foreign_statuses f
     WHERE seen_at < ?1 AND NOT ${isHead('f')} ORDER BY seen_at LIMIT +?2)`,
  `DELETE FROM parked_messages WHERE id IN (SELECT id FROM parked_messages WHERE id > 0 ORDER BY id LIMIT +?2) AND at < ?1`,
  `DELETE FROM workers WHERE worker IN (SELECT worker FROM workers WHERE last_heard_at < ?1
     AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.worker = workers.worker AND a.state = 'live') LIMIT +?2)`,
];

/** See `Ledger.forgetTraces`. */
export function forgetTraces(sql: Sql, before: number, limit: number): number {
  return statements.reduce((sum, statement) => sum + sql.run(statement, before, limit).changes, 0);
}
