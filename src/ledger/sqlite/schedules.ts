import type { Sql } from '../../base/sqlite.ts';
import type { NewDelivery, ScheduleSeen } from '../ledger.ts';
import { recordDelivery } from './deliveries.ts';

/** Every schedule that was seen: as many as are configured. */
export function schedulesSeen(sql: Sql): readonly ScheduleSeen[] {
  return sql
    .all<{ key: string; definition: string; settled_at: number }>('SELECT key, definition, settled_at FROM schedules')
    .map((row) => ({ key: row.key, definition: row.definition, settledAt: row.settled_at }));
}

/** The slot and what is settled, together. */
export function settleSchedule(sql: Sql, seen: ScheduleSeen, slot: NewDelivery | null): boolean {
  sql.run(
    `INSERT INTO schedules (key, definition, settled_at) VALUES (?1, ?2, ?3)
     ON CONFLICT (key) DO UPDATE SET definition = ?2, settled_at = ?3`,
    seen.key,
    seen.definition,
    seen.settledAt,
  );
  return slot !== null && recordDelivery(sql, slot);
}
