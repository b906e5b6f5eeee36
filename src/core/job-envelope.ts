import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AttemptKey } from './attempt.ts';
import type { GrantKind } from './grant.ts';
import type { Job } from './job.ts';

/**
 * A job on its way: the order itself, which try this is (R1), and the base commit that was fixed when it first left.
 * `signature` is HMAC-SHA256 (hex) by the server over all the rest (R10).
 */
export interface JobEnvelope {
  readonly v: 1;
  readonly job: Job;
  readonly generation: number;
  readonly n: number;
  /** The commit that the change is merged or rebased onto; null: tested as it is. */
  readonly baseSha: string | null;
  /** Where the worker fetches the repository from that it checks out (`checkedOut`). */
  readonly cloneUrl: string;
  /** Workers that failed at it; they return it while others qualify. */
  readonly avoid: readonly string[];
  readonly traceId: string;
  /** What its worker has to wait for after the claim, because only the server can give it (R2). Absent: nothing. */
  readonly grants?: readonly GrantKind[];
  readonly signature: string;
}

/** The attempt that an envelope asks for. */
export function attemptOf(envelope: JobEnvelope): AttemptKey {
  return { jobId: envelope.job.id, generation: envelope.generation, n: envelope.n };
}

/** Signs an order with the server's key. */
export function signEnvelope(unsigned: Omit<JobEnvelope, 'signature'>, key: string): JobEnvelope {
  return { ...unsigned, signature: signatureOf(unsigned, key) };
}

/** True when one of the keys (several while they rotate) signed exactly this. */
export function isSignedEnvelope(envelope: JobEnvelope, keys: readonly string[]): boolean {
  const { signature, ...unsigned } = envelope;
  const given = Buffer.from(signature, 'hex');
  return keys.some((key) => {
    const right = Buffer.from(signatureOf(unsigned, key), 'hex');
    return given.length === right.length && timingSafeEqual(given, right);
  });
}

function signatureOf(unsigned: Omit<JobEnvelope, 'signature'>, key: string): string {
  return createHmac('sha256', key).update(canonical(unsigned)).digest('hex');
}

/** JSON with sorted keys: the same value gives the same bytes whoever wrote it. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const record = value as Readonly<Record<string, unknown>>;
  // Sorted by UTF-16 units, as `sort` does.
  return `{${Object.keys(record)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(record[key])}`)
    .join(',')}}`;
}
