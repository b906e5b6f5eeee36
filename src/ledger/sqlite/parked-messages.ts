import type { Sql } from '../../base/sqlite.ts';
import { messageSpeaker } from '../../core/message-speaker.ts';
import type { ParkedMessage } from '../ledger-reader.ts';

/** More of it, and the ledger would be nothing else. */
const mostMessages = 10_000;
const mostBytes = 64 * 2 ** 20;

/** Said again each few seconds as long as a worker lives, so that only the last one tells anything. */
const repeated = ['hello', 'beat'];

const columns = 'id, at, worker, why, body';

/** See `Ledger.park`. */
export function parkMessage(sql: Sql, { at, worker, why, body }: Omit<ParkedMessage, 'id'>): boolean {
  const bytes = Buffer.byteLength(body);
  const kind = messageSpeaker(body)?.kind ?? '';
  const repeats = worker !== null && repeated.includes(kind) ? kind : null;
  const earlier = sql.get<{ id: number; bytes: number }>(
    'SELECT id, bytes FROM parked_messages WHERE worker = ? AND repeats = ?',
    worker,
    repeats,
  );
  const kept = sql.get<{ n: number; bytes: number | null }>(
    'SELECT COUNT(*) AS n, SUM(bytes) AS bytes FROM parked_messages',
  );
  const others = (kept?.n ?? 0) - (earlier === undefined ? 0 : 1);
  const otherBytes = (kept?.bytes ?? 0) - (earlier?.bytes ?? 0);
  if (others >= mostMessages || otherBytes + bytes > mostBytes) return false;
  if (earlier !== undefined) unparkMessage(sql, earlier.id);
  sql.run(
    'INSERT INTO parked_messages (at, worker, why, bytes, body, repeats) VALUES (?, ?, ?, ?, ?, ?)',
    at,
    worker,
    why,
    bytes,
    body,
    repeats,
  );
  return true;
}

/** See `Ledger.unpark`. */
export function unparkMessage(sql: Sql, id: number): void {
  sql.run('DELETE FROM parked_messages WHERE id = ?', id);
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
