import type { Sql } from '../../base/sqlite.ts';
import type { ForgeEvent } from '../../core/forge-event.ts';
import type { NewDelivery, PendingDelivery } from '../ledger.ts';

/** False when the id is known. */
export function recordDelivery(sql: Sql, { id, event, receivedAt, traceId }: NewDelivery): boolean {
  const { changes } = sql.run(
    'INSERT OR IGNORE INTO deliveries (id, event, change_key, received_at, trace_id) VALUES (?, ?, ?, ?, ?)',
    id,
    JSON.stringify(event),
    event.changeKey,
    receivedAt,
    traceId,
  );
  return changes === 1;
}

/** Oldest first. */
export function pendingDeliveries(sql: Sql, limit: number): readonly PendingDelivery[] {
  return sql
    .all<{ id: string; event: string; received_at: number; trace_id: string; tries: number }>(
      `SELECT id, event, received_at, trace_id, tries FROM deliveries WHERE state = 'pending' ORDER BY seq LIMIT +?`,
      limit,
    )
    .map((row) => ({
      id: row.id,
      event: JSON.parse(row.event) as ForgeEvent,
      receivedAt: row.received_at,
      traceId: row.trace_id,
      tries: row.tries,
    }));
}

/** Counts a try and returns the count. */
export function beginDelivery(sql: Sql, id: string): number {
  return (
    sql.get<{ tries: number }>('UPDATE deliveries SET tries = tries + 1 WHERE id = ? RETURNING tries', id)?.tries ?? 0
  );
}

/** A delivery ends once; the first end stays. */
export function endDelivery(sql: Sql, id: string, state: 'handled' | 'parked', why: string | null, now: number): void {
  sql.run(
    `UPDATE deliveries SET state = ?, why = ?, ended_at = ? WHERE id = ? AND state = 'pending'`,
    state,
    why,
    now,
    id,
  );
}
