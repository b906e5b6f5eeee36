import type { DeathReason, Delivery } from '../queue.ts';

/** Header fields of a message as the client library gives them; anybody may have written them. */
export type MessageHeaders = Readonly<Record<string, unknown>>;

/** How often a message was handed out, this time included: quorum queues count the returns (`x-delivery-count`). */
export function deliveryCountOf(headers: MessageHeaders, isRedelivered: boolean): number {
  const returns = headers['x-delivery-count'];
  const isCount = typeof returns === 'number' && Number.isSafeInteger(returns + 1) && returns > 0;
  const known = isCount ? Math.floor(returns) : 0;
  return Math.max(known + 1, isRedelivered ? 2 : 1);
}

// rabbitmq.com/docs/dlx, "Effects on Messages".
const reasons: ReadonlyMap<unknown, DeathReason> = new Map([
  ['expired', 'expired'],
  ['rejected', 'rejected'],
  ['delivery_limit', 'delivery-limit'],
]);

/**
 * The last death of a dead letter. `x-last-death-…` is new in 3.13; before, the last one is the first row of `x-death`;
 * the `x-first-death-…` pair is what is left when that was cut off.
 */
export function deathOf(headers: MessageHeaders): Delivery['death'] {
  const rows = headers['x-death'];
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  const last = isRecord(row) ? row : {};
  return (
    death(headers['x-last-death-queue'], headers['x-last-death-reason']) ??
    death(last['queue'], last['reason']) ??
    death(headers['x-first-death-queue'], headers['x-first-death-reason'])
  );
}

function death(queue: unknown, word: unknown): Delivery['death'] {
  const reason = reasons.get(word);
  return typeof queue === 'string' && reason !== undefined ? { queue, reason } : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** The text of a message; the library decodes some content types by itself. */
export function bodyOf(body: unknown): string {
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  if (typeof body === 'string') return body;
  return body === undefined ? '' : JSON.stringify(body);
}
