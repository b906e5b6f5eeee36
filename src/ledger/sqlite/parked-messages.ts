import type { Sql } from '../../base/sqlite.ts';
import type { ParkedMessage } from '../ledger-reader.ts';

/** A worker of another version says something each few seconds; with so much of it the ledger would be nothing else. */
const mostMessages = 10_000;
const mostBytes = 64 * 2 ** 20;

const columns = 'id, at, worker, why, body';

/** See `Ledger.park`. */
export function parkMessage(sql: Sql, { at, worker, why, body }: Omit<ParkedMessage, 'id'>): boolean {
  const bytes = Buffer.byteLength(body);
  const kept = sql.get<{ n: number; bytes: number | null }>(
    'SELECT COUNT(*) AS n, SUM(bytes) AS bytes FROM parked_messages',
  );
  if ((kept?.n ?? 0) >= mostMessages || (kept?.bytes ?? 0) + bytes > mostBytes) return false;
  sql.run(
    'INSERT INTO parked_messages (at, worker, why, bytes, body) VALUES (?, ?, ?, ?, ?)',
    at,
    worker,
    why,
    bytes,
    body,
  );
  return true;
}

/** See `Ledger.parked`. */
export function parkedAfter(sql: Sql, after: number, limit: number): readonly ParkedMessage[] {
  return sql
    .all<ParkedMessage>(`SELECT ${columns} FROM parked_messages WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
    .map((row) => ({ ...row }));
}

/** See `LedgerReader.parkedMessages`. */
export function parkedMessages(sql: Sql, limit: number): readonly ParkedMessage[] {
  return sql
    .all<ParkedMessage>(`SELECT ${columns} FROM parked_messages ORDER BY id DESC LIMIT ?`, limit)
    .map((row) => ({ ...row }));
}
