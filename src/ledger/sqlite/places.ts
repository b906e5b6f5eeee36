import type { Sql } from '../../base/sqlite.ts';
import type { Change } from '../../core/change.ts';
import type { LastLook, PlaceKnown } from '../ledger.ts';

/** What was applied last of a place. */
export function lastLook(sql: Sql, changeKey: string): LastLook | null {
  const row = sql.get<{ body: string; head_since: number; seen_at: number }>(
    'SELECT body, head_since, seen_at FROM changes WHERE key = ?',
    changeKey,
  );
  if (row === undefined) return null;
  return { change: JSON.parse(row.body) as Change, headSince: row.head_since, seenAt: row.seen_at };
}

interface PlaceRow {
  readonly key: string;
  readonly head_sha: string;
  readonly version: number;
  readonly seen_at: number;
}

const known = (row: PlaceRow): PlaceKnown => ({
  changeKey: row.key,
  headSha: row.head_sha,
  version: row.version,
  seenAt: row.seen_at,
});

/** Places of a repository that were open when last applied. */
export function openPlaces(sql: Sql, forge: string, repo: string): readonly PlaceKnown[] {
  return sql
    .all<PlaceRow>(
      'SELECT key, head_sha, version, seen_at FROM changes WHERE forge = ? AND repo = ? AND is_open = 1',
      forge,
      repo,
    )
    .map(known);
}

/** Open places that had this commit as their head when last applied. */
export function placesAtHead(sql: Sql, forge: string, repo: string, sha: string): readonly string[] {
  return sql
    .all<{ key: string }>(
      'SELECT key FROM changes WHERE forge = ? AND repo = ? AND head_sha = ? AND is_open = 1',
      forge,
      repo,
      sha,
    )
    .map((row) => row.key);
}

/** Open places that were seen last before then, the longest ago first. */
export function longestUnseen(
  sql: Sql,
  forge: string,
  repo: string,
  before: number,
  limit: number,
): readonly PlaceKnown[] {
  return sql
    .all<PlaceRow>(
      `SELECT key, head_sha, version, seen_at FROM changes
       WHERE forge = ? AND repo = ? AND is_open = 1 AND seen_at < ? ORDER BY seen_at LIMIT +?`,
      forge,
      repo,
      before,
      limit,
    )
    .map(known);
}
