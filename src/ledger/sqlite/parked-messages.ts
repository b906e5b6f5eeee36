import type { Sql } from '../../base/sqlite.ts';
import { messageSpeaker } from '../../core/message-speaker.ts';
import type { ParkedMessage } from '../ledger-reader.ts';

/** More of it, and the ledger would be nothing else. */
const mostMessages = 10_000;
const mostBytes = 64 * 2 ** 20;

/** Said again each few seconds as long as a worker lives, so that only the last one tells anything. */
const repeated = ['hello', 'beat'];

const columns = 'id, at, worker, why, body';

const droppedKey = 'messages-dropped';

/** See `Ledger.park`. */
export function parkMessage(sql: Sql, { at, worker, why, body }: Omit<ParkedMessage, 'id'>): number {
  const bytes = Buffer.byteLength(body);
  if (bytes > mostBytes) return countDropped(sql, 1);
  const kind = messageSpeaker(body)?.kind ?? '';
  const repeats = worker !== null && repeated.includes(kind) ? kind : null;
  if (repeats !== null) sql.run('DELETE FROM parked_messages WHERE worker = ? AND repeats = ?', worker, repeats);
  sql.run(
    'INSERT INTO parked_messages (at, worker, why, bytes, body, repeats) VALUES (?, ?, ?, ?, ?, ?)',
    at,
    worker,
    why,
    bytes,
    body,
    repeats,
  );
  let dropped = 0;
  for (let order = overfull(sql); order !== null; order = overfull(sql)) {
    dropOldestOfLoudest(sql, order);
    dropped += 1;
  }
  return countDropped(sql, dropped);
}

/** What there is too much of, as the measure of who is loudest; null: nothing. */
function overfull(sql: Sql): 'COUNT(*)' | 'SUM(bytes)' | null {
  const kept = sql.get<{ n: number; bytes: number | null }>(
    'SELECT COUNT(*) AS n, SUM(bytes) AS bytes FROM parked_messages',
  );
  if ((kept?.n ?? 0) > mostMessages) return 'COUNT(*)';
  return (kept?.bytes ?? 0) > mostBytes ? 'SUM(bytes)' : null;
}

/** Whoever says most of what nobody can read loses of it, and drives nobody else's out. */
function dropOldestOfLoudest(sql: Sql, measure: 'COUNT(*)' | 'SUM(bytes)'): void {
  sql.run(
    `DELETE FROM parked_messages WHERE id = (SELECT MIN(id) FROM parked_messages
       GROUP BY worker ORDER BY ${measure} DESC LIMIT 1)`,
  );
}

function countDropped(sql: Sql, dropped: number): number {
  if (dropped > 0) {
    sql.run(
      'INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + ?2',
      droppedKey,
      String(dropped),
    );
  }
  return dropped;
}

/** How many were dropped in the life of this ledger because there were too many. */
export function droppedMessages(sql: Sql): number {
  return Number(sql.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', droppedKey)?.value ?? 0);
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
