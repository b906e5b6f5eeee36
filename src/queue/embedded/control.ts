import type { Sql } from '../../base/sqlite.ts';

/** A control message as it was sent. */
export interface ControlRow {
  readonly id: number;
  readonly recipient: string;
  readonly body: string;
}

const keptMs = 60_000;

/** Stores a control message for those that listen now, and forgets those of the minute before last. */
export function addControl(sql: Sql, recipient: string, body: string, now: number): void {
  sql.run('DELETE FROM queue_control WHERE sent_at < ?', now - keptMs);
  sql.run('INSERT INTO queue_control (recipient, body, sent_at) VALUES (?, ?, ?)', recipient, body, now);
}

/** Where a new listener begins. */
export function lastControlId(sql: Sql): number {
  return sql.get<{ id: number | null }>('SELECT max(id) AS id FROM queue_control')?.id ?? 0;
}

/** What was sent after that, oldest first. */
export function controlAfter(sql: Sql, id: number): ControlRow[] {
  return sql.all<ControlRow>('SELECT id, recipient, body FROM queue_control WHERE id > ? ORDER BY id', id);
}
