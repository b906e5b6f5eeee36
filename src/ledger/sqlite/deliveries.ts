import type { Sql } from '../../base/sqlite.ts';
import type { ForgeEvent } from '../../core/forge-event.ts';
import type { NewDelivery, PendingDelivery } from '../ledger.ts';
import type { DeliveryDay, DeliverySource, DeliveryTotals, ParkedDelivery } from '../ledger-reader.ts';

/** False when the id is known. */
export function recordDelivery(sql: Sql, delivery: NewDelivery): boolean {
  if (!insertDelivery(sql, delivery)) return false;
  countDelivery(sql, delivery.event.forge, delivery.source ?? 'event', delivery.receivedAt);
  return true;
}

/** All events of one delivery, which counts once. */
export function recordDeliveries(sql: Sql, deliveries: readonly NewDelivery[]): boolean {
  const [first, ...others] = deliveries;
  if (first === undefined || !recordDelivery(sql, first)) return false;
  for (const [index, other] of others.entries()) {
    insertDelivery(sql, { ...other, id: `${first.id}#${String(index + 2)}` });
  }
  return true;
}

function insertDelivery(sql: Sql, { id, event, receivedAt, traceId, source }: NewDelivery): boolean {
  const { changes } = sql.run(
    'INSERT OR IGNORE INTO deliveries (id, event, change_key, received_at, trace_id, source, forge) VALUES (?, ?, ?, ?, ?, ?, ?)',
    id,
    JSON.stringify(event),
    event.changeKey,
    receivedAt,
    traceId,
    source ?? 'event',
    event.forge,
  );
  return changes === 1;
}

/** A genuine delivery that leads to nothing: nobody will ever handle it, but its id is known. */
export function recordUnread(
  sql: Sql,
  delivery: Omit<NewDelivery, 'event'> & { readonly forge: string },
  end: { readonly kind: 'ignored' } | { readonly kind: 'parked'; readonly why: string },
): boolean {
  const { id, forge, receivedAt, traceId, source = 'event' } = delivery;
  const { changes } = sql.run(
    `INSERT OR IGNORE INTO deliveries (id, event, change_key, received_at, trace_id, source, forge, state, why, ended_at)
     VALUES (?1, 'null', '', ?2, ?3, ?4, ?5, ?6, ?7, ?2)`,
    id,
    receivedAt,
    traceId,
    source,
    forge,
    end.kind === 'parked' ? 'parked' : 'handled',
    end.kind === 'parked' ? end.why : null,
  );
  if (changes === 0) return false;
  countDelivery(sql, forge, source, receivedAt);
  if (end.kind === 'parked') countDelivery(sql, forge, 'missed', receivedAt);
  return true;
}

/** One more on that day (UTC). */
export function countDelivery(sql: Sql, forge: string, source: DeliverySource | 'missed', at: number): void {
  sql.run(
    `INSERT INTO delivery_days (day, forge, source, n) VALUES (?, ?, ?, 1)
     ON CONFLICT (day, forge, source) DO UPDATE SET n = n + 1`,
    new Date(at).toISOString().slice(0, 10),
    forge,
    source,
  );
}

/** Which of these are known. */
export function knownDeliveries(sql: Sql, ids: readonly string[]): ReadonlySet<string> {
  return new Set(ids.filter((id) => sql.get('SELECT 1 FROM deliveries WHERE id = ?', id) !== undefined));
}

/** The last `days` days that have anything, newest first. */
export function deliveryDays(sql: Sql, days: number, now: number): readonly DeliveryDay[] {
  const since = new Date(now - (days - 1) * 24 * 3_600_000).toISOString().slice(0, 10);
  return sql
    .all<{ day: string; forge: string } & Record<'received' | 'swept' | 'scanned' | 'missed', number | null>>(
      `SELECT day, forge, SUM(n) FILTER (WHERE source = 'event') AS received, SUM(n) FILTER (WHERE source = 'sweep') AS swept,
         SUM(n) FILTER (WHERE source = 'scan') AS scanned, SUM(n) FILTER (WHERE source = 'missed') AS missed
       FROM delivery_days WHERE day >= ? GROUP BY day, forge ORDER BY day DESC, forge`,
      since,
    )
    .map(({ day, forge, received, swept, scanned, missed }) => ({
      day,
      forge,
      received: received ?? 0,
      bySweep: swept ?? 0,
      byScan: scanned ?? 0,
      missed: missed ?? 0,
    }));
}

/** See `LedgerReader.deliveryTotals`. */
export function deliveryTotals(sql: Sql): DeliveryTotals {
  const rows = sql.all<{ forge: string; source: DeliverySource | 'missed'; n: number }>(
    'SELECT forge, source, SUM(n) AS n FROM delivery_days GROUP BY forge, source',
  );
  const oldest = sql.get<{ at: number }>(
    `SELECT received_at AS at FROM deliveries WHERE state = 'pending' ORDER BY seq LIMIT 1`,
  );
  return {
    bySource: rows.flatMap(({ forge, source, n }) => (source === 'missed' ? [] : [{ forge, source, n }])),
    missed: rows.flatMap(({ forge, source, n }) => (source === 'missed' ? [{ forge, n }] : [])),
    oldestPendingAt: oldest?.at ?? null,
  };
}

/** See `LedgerReader.parkedDeliveries`. */
export function parkedDeliveries(sql: Sql, limit: number): readonly ParkedDelivery[] {
  return sql
    .all<{
      id: string;
      forge: string;
      change_key: string;
      source: DeliverySource;
      received_at: number;
      ended_at: number | null;
      trace_id: string;
      why: string | null;
    }>(
      `SELECT id, forge, change_key, source, received_at, ended_at, trace_id, why FROM deliveries
       WHERE state = 'parked' ORDER BY seq DESC LIMIT +?`,
      limit,
    )
    .map((row) => ({
      id: row.id,
      forge: row.forge,
      changeKey: row.change_key === '' ? null : row.change_key,
      source: row.source,
      receivedAt: row.received_at,
      parkedAt: row.ended_at ?? row.received_at,
      traceId: row.trace_id,
      why: row.why ?? '',
    }));
}

/** Up to when the forge's delivery log of that name was read to its end; null: never. */
export function sweepMark(sql: Sql, forge: string, log: string): number | null {
  const row = sql.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', markKey(forge, log));
  return row === undefined ? null : Number(row.value);
}

export function setSweepMark(
  sql: Sql,
  mark: { readonly forge: string; readonly log: string; readonly at: number },
): void {
  sql.run(
    'INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2',
    markKey(mark.forge, mark.log),
    String(mark.at),
  );
}

const markKey = (forge: string, log: string): string => `swept|${forge}|${log}`;

/** Oldest first; of one place when it is named. */
export function pendingDeliveries(sql: Sql, limit: number, changeKey: string | null): readonly PendingDelivery[] {
  interface Row {
    readonly id: string;
    readonly event: string;
    readonly received_at: number;
    readonly trace_id: string;
    readonly tries: number;
  }
  const columns = 'id, event, received_at, trace_id, tries';
  const rows =
    changeKey === null
      ? sql.all<Row>(`SELECT ${columns} FROM deliveries WHERE state = 'pending' ORDER BY seq LIMIT +?`, limit)
      : sql.all<Row>(
          `SELECT ${columns} FROM deliveries WHERE state = 'pending' AND change_key = ? ORDER BY seq LIMIT +?`,
          changeKey,
          limit,
        );
  return rows.map((row) => ({
    id: row.id,
    event: JSON.parse(row.event) as ForgeEvent,
    receivedAt: row.received_at,
    traceId: row.trace_id,
    tries: row.tries,
  }));
}

/** In the order of the deliveries. */
export function pendingPlaces(
  sql: Sql,
  after: number,
  limit: number,
): readonly { readonly seq: number; readonly changeKey: string }[] {
  return sql
    .all<{ seq: number; change_key: string }>(
      `SELECT seq, change_key FROM deliveries WHERE state = 'pending' AND seq > ? ORDER BY seq LIMIT +?`,
      after,
      limit,
    )
    .map((row) => ({ seq: row.seq, changeKey: row.change_key }));
}

/** Somebody has yet to look there because of an event. */
export function isAwaited(sql: Sql, changeKey: string): boolean {
  return (
    sql.get(`SELECT 1 FROM deliveries WHERE state = 'pending' AND change_key = ? LIMIT 1`, changeKey) !== undefined
  );
}

/** Counts a try and returns the count. */
export function beginDelivery(sql: Sql, id: string): number {
  return (
    sql.get<{ tries: number }>('UPDATE deliveries SET tries = tries + 1 WHERE id = ? RETURNING tries', id)?.tries ?? 0
  );
}

/** A delivery ends once; the first end stays. */
export function endDelivery(sql: Sql, id: string, state: 'handled' | 'parked', why: string | null, now: number): void {
  const ended = sql.get<{ forge: string }>(
    `UPDATE deliveries SET state = ?, why = ?, ended_at = ? WHERE id = ? AND state = 'pending' RETURNING forge`,
    state,
    why,
    now,
    id,
  );
  if (ended !== undefined && state === 'parked') countDelivery(sql, ended.forge, 'missed', now);
}
