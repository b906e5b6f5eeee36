import type { Sql } from '../../base/sqlite.ts';
import type { Decision } from '../ledger.ts';
import { countDelivery, isAwaited } from './deliveries.ts';

/** An event that a scan was faster than comes within this (ms); what none came for until then was lost. */
const eventMayComeMs = 10 * 60_000;
/** Days that are told one by one; older ones live on in the totals. */
const keptDays = 400;

/**
 * Called for each decision that is applied; `lastHead` is the head that was applied before. A scan found something when it starts
 * work that nothing else told of: at a head that it sees first, or because of a person's request, while no delivery waits for
 * that place. It counts once for each look, and not before the event had its time: a scan may be faster than the hook. An
 * event of the same head (or one that names none, like a comment's) takes the find back.
 */
export function noteFind(
  sql: Sql,
  { change, actions, deliveryIds, isScan, now }: Decision,
  lastHead: string | null,
): void {
  const { forge, repo, key } = change;
  // Events of a commit or of a whole repository wait under keys of their own, until every place was looked at.
  const isToldOf = (head: string): boolean =>
    isAwaited(sql, `${forge}|${repo}|commit/${head}`) || isAwaited(sql, `${forge}|${repo}|repository`);
  if (isScan === true) {
    const isFound = actions.some(
      (action) => action.kind === 'enqueue' && (change.headSha !== lastHead || action.job.occasion !== 'change'),
    );
    if (!isFound || isAwaited(sql, key) || isToldOf(change.headSha)) return;
    settle(sql, 'key = ?', key, now);
    sql.run('UPDATE changes SET found_at = ?, found_head = ? WHERE key = ?', now, change.headSha, key);
    return;
  }
  const found = sql.get<{ found_head: string }>(
    'SELECT found_head FROM changes WHERE key = ? AND found_at IS NOT NULL',
    key,
  );
  if (found === undefined) return;
  if (deliveryIds.some((id) => tellsOf(sql, id, found.found_head)) || isToldOf(found.found_head))
    sql.run('UPDATE changes SET found_at = NULL, found_head = NULL WHERE key = ?', key);
}

/** See `Ledger.settleDays`. */
export function settleDays(sql: Sql, now: number): void {
  settle(sql, 'found_at <= ?', now - eventMayComeMs, now);
  const oldest = new Date(now - keptDays * 24 * 3_600_000).toISOString().slice(0, 10);
  sql.run(
    `INSERT INTO delivery_days (day, forge, source, n)
       SELECT '', forge, source, SUM(n) FROM delivery_days WHERE day > '' AND day < ? GROUP BY forge, source
     ON CONFLICT (day, forge, source) DO UPDATE SET n = n + excluded.n`,
    oldest,
  );
  sql.run(`DELETE FROM delivery_days WHERE day > '' AND day < ?`, oldest);
}

/** Counts the finds there, on the day they were made. */
function settle(sql: Sql, where: 'key = ?' | 'found_at <= ?', value: string | number, now: number): void {
  const settled = sql.all<{ forge: string; found_at: number }>(
    `SELECT forge, found_at FROM changes WHERE found_at IS NOT NULL AND ${where}`,
    value,
  );
  if (settled.length === 0) return;
  sql.run(`UPDATE changes SET found_at = NULL, found_head = NULL WHERE found_at IS NOT NULL AND ${where}`, value);
  for (const { forge, found_at: at } of settled) countDelivery(sql, forge, 'scan', Math.min(at, now));
}

function tellsOf(sql: Sql, deliveryId: string, head: string): boolean {
  return (
    sql.get(
      `SELECT 1 FROM deliveries WHERE id = ? AND source = 'event' AND COALESCE(json_extract(event, '$.sha'), ?) = ?`,
      deliveryId,
      head,
      head,
    ) !== undefined
  );
}
