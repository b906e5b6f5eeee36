import type { Sql } from '../../base/sqlite.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { DeathReason, QueueCounts, QueueOptions } from '../queue.ts';

/** One message as it is handed out; (`id`, `holder`, `deliveries`) names this handing-out and no other. */
export interface TakenMessage {
  readonly id: number;
  readonly queue: string;
  readonly holder: number;
  readonly deliveries: number;
  readonly body: string;
  readonly death: { readonly queue: string; readonly reason: DeathReason } | null;
}

/** What a change made ready: consumers of these queues should look. */
export type Stirred = Set<string>;

interface QueueRow {
  readonly ttl_ms: number | null;
  readonly delivery_limit: number | null;
  readonly dead_letter_to: string | null;
}

interface MessageRow {
  readonly id: number;
  readonly queue: string;
  readonly deliveries: number;
}

// Bounds the time that one transaction blocks the process when a whole queue expires at once.
const mostExpiredAtOnce = 500;

/** False: the queue was there; its options are now these. */
export function declareQueue(sql: Sql, queue: string, options: QueueOptions): boolean {
  const isNew = queueRow(sql, queue) === undefined;
  sql.run(
    `INSERT INTO queue (name, ttl_ms, delivery_limit, dead_letter_to) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET ttl_ms = excluded.ttl_ms, delivery_limit = excluded.delivery_limit,
       dead_letter_to = excluded.dead_letter_to`,
    queue,
    options.ttlMs ?? null,
    options.deliveryLimit ?? null,
    options.deadLetterTo ?? null,
  );
  return isNew;
}

/** @throws GroundcrewError `queue/not-declared` */
export function requireQueue(sql: Sql, queue: string): QueueRow {
  const row = queueRow(sql, queue);
  if (row === undefined) throw new GroundcrewError('queue/not-declared', `there is no queue ${JSON.stringify(queue)}`);
  return row;
}

function queueRow(sql: Sql, queue: string): QueueRow | undefined {
  return sql.get<QueueRow>('SELECT ttl_ms, delivery_limit, dead_letter_to FROM queue WHERE name = ?', queue);
}

/** Puts a message at the end. @throws GroundcrewError `queue/not-declared` */
export function addMessage(sql: Sql, queue: string, body: string, now: number): void {
  const { ttl_ms } = requireQueue(sql, queue);
  sql.run(
    'INSERT INTO queue_message (queue, body, expires_at) VALUES (?, ?, ?)',
    queue,
    body,
    ttl_ms === null ? null : now + ttl_ms,
  );
}

/** Whether a consumer would find something, or something expired, here. */
export function hasReady(sql: Sql, queue: string): boolean {
  return sql.get('SELECT 1 FROM queue_message WHERE queue = ? AND holder IS NULL LIMIT 1', queue) !== undefined;
}

/** Hands the `most` oldest ready messages to `holder`. */
export function takeMessages(sql: Sql, queue: string, holder: number, most: number): TakenMessage[] {
  const rows = sql.all<MessageRow & { body: string; death_queue: string | null; death_reason: DeathReason | null }>(
    `UPDATE queue_message SET holder = ?, deliveries = deliveries + 1
     WHERE id IN (SELECT id FROM queue_message WHERE queue = ? AND holder IS NULL ORDER BY id LIMIT +?)
     RETURNING id, queue, deliveries, body, death_queue, death_reason`,
    holder,
    queue,
    most,
  );
  // RETURNING promises no order.
  return rows
    .sort((a, b) => a.id - b.id)
    .map(({ id, deliveries, body, death_queue, death_reason }) => ({
      id,
      queue,
      holder,
      deliveries,
      body,
      death: death_queue === null || death_reason === null ? null : { queue: death_queue, reason: death_reason },
    }));
}

/** Still in the hand that it was given to. */
function isHeld(sql: Sql, { id, holder, deliveries }: TakenMessage): boolean {
  const row = sql.get(
    'SELECT 1 FROM queue_message WHERE id = ? AND holder = ? AND deliveries = ?',
    id,
    holder,
    deliveries,
  );
  return row !== undefined;
}

/** Carries out an answer; one that comes too late, after the message went to somebody else, does nothing. */
export function answerMessage(
  sql: Sql,
  message: TakenMessage,
  answer: 'ack' | 'retry' | 'reject',
  now: number,
): Stirred {
  const stirred: Stirred = new Set();
  if (!isHeld(sql, message)) return stirred;
  switch (answer) {
    case 'ack':
      sql.run('DELETE FROM queue_message WHERE id = ?', message.id);
      break;
    case 'reject':
      bury(sql, message, { reason: 'rejected', now, stirred });
      break;
    case 'retry':
      giveBack(sql, message, now, stirred);
      break;
  }
  return stirred;
}

/** Puts back what no handler has seen, as if it had never been taken. */
export function putBackUnseen(sql: Sql, message: TakenMessage): void {
  if (!isHeld(sql, message)) return;
  sql.run('UPDATE queue_message SET holder = NULL, deliveries = deliveries - 1 WHERE id = ?', message.id);
}

/** Returns all that `holder` had in hand. */
export function returnAllOf(sql: Sql, holder: number, now: number): Stirred {
  const stirred: Stirred = new Set();
  const rows = sql.all<MessageRow>(
    'SELECT id, queue, deliveries FROM queue_message WHERE holder = ? ORDER BY id',
    holder,
  );
  for (const row of rows) giveBack(sql, row, now, stirred);
  return stirred;
}

/** Whether `expireMessages` has something to do. */
export function hasExpired(sql: Sql, now: number): boolean {
  return (
    sql.get(
      'SELECT 1 FROM queue_message WHERE holder IS NULL AND expires_at IS NOT NULL AND expires_at <= ? LIMIT 1',
      now,
    ) !== undefined
  );
}

/** Buries what has been ready beyond its time, of all queues, at most 500 a call; `isDone` says that none is left. */
export function expireMessages(sql: Sql, now: number): { readonly isDone: boolean; readonly stirred: Stirred } {
  const stirred: Stirred = new Set();
  const rows = sql.all<MessageRow>(
    `SELECT id, queue, deliveries FROM queue_message
     WHERE holder IS NULL AND expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at, id LIMIT +?`,
    now,
    mostExpiredAtOnce,
  );
  for (const row of rows) bury(sql, row, { reason: 'expired', now, stirred });
  return { isDone: rows.length < mostExpiredAtOnce, stirred };
}

/** Drops all ready messages of a queue. @throws GroundcrewError `queue/not-declared` */
export function purgeQueue(sql: Sql, queue: string): void {
  requireQueue(sql, queue);
  sql.run('DELETE FROM queue_message WHERE queue = ? AND holder IS NULL', queue);
}

/** @throws GroundcrewError `queue/not-declared` */
export function countMessages(sql: Sql, queue: string): QueueCounts {
  requireQueue(sql, queue);
  const row = sql.get<QueueCounts>('SELECT ready, unacked FROM queue WHERE name = ?', queue);
  return { ready: row?.ready ?? 0, unacked: row?.unacked ?? 0 };
}

function giveBack(sql: Sql, { id, queue, deliveries }: MessageRow, now: number, stirred: Stirred): void {
  const limit = queueRow(sql, queue)?.delivery_limit ?? null;
  if (limit !== null && deliveries > limit) {
    bury(sql, { id, queue, deliveries }, { reason: 'delivery-limit', now, stirred });
    return;
  }
  // The old id keeps its place, and the old expiry its deadline.
  sql.run('UPDATE queue_message SET holder = NULL WHERE id = ?', id);
  stirred.add(queue);
}

function bury(
  sql: Sql,
  { id, queue }: MessageRow,
  death: { readonly reason: DeathReason; readonly now: number; readonly stirred: Stirred },
): void {
  const target = queueRow(sql, queue)?.dead_letter_to ?? null;
  const targetRow = target === null ? undefined : queueRow(sql, target);
  if (target === null || targetRow === undefined) {
    sql.run('UPDATE queue SET dropped = dropped + 1 WHERE name = ?', queue);
  } else {
    sql.run(
      `INSERT INTO queue_message (queue, body, expires_at, death_queue, death_reason)
       SELECT ?, body, ?, ?, ? FROM queue_message WHERE id = ?`,
      target,
      targetRow.ttl_ms === null ? null : death.now + targetRow.ttl_ms,
      queue,
      death.reason,
      id,
    );
    death.stirred.add(target);
  }
  sql.run('DELETE FROM queue_message WHERE id = ?', id);
}
