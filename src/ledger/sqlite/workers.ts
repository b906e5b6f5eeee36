import type { Sql } from '../../base/sqlite.ts';
import type { JobId } from '../../core/job.ts';
import { attemptOf, type JobEnvelope } from '../../core/job-envelope.ts';
import type { Outcome, Phase } from '../../core/outcome.ts';
import type { Bye, Hello, Sealed, WorkerOffer } from '../../core/worker-message.ts';
import type { RetryPlan } from '../../decide/retry-plan.ts';
import type { Applied, LiveAttempt } from '../ledger.ts';
import { applyBeat, breakHolding, retryOrEnd } from './holdings.ts';
import { endJob, holdingRows, jobRow, letWait, type HoldingRow } from './job-row.ts';

type Broken = Outcome & { readonly kind: 'broken' };

interface LiveRow {
  readonly job_id: JobId;
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly worker: string;
  readonly is_owner: number;
  readonly phase: Phase | null;
}

function liveRows(sql: Sql, worker: string | null): readonly LiveRow[] {
  const columns = 'SELECT job_id, generation, n, nonce, worker, is_owner, phase FROM attempts';
  return worker === null
    ? sql.all<LiveRow>(`${columns} WHERE state = 'live'`)
    : sql.all<LiveRow>(`${columns} WHERE state = 'live' AND worker = ?`, worker);
}

function liveOf({ job_id, generation, n, nonce, worker, is_owner }: LiveRow): LiveAttempt {
  return { jobId: job_id, generation, n, nonce, worker, isOwner: is_owner === 1 };
}

/** Every claimed attempt that has not ended. */
export function liveAttempts(sql: Sql): readonly LiveAttempt[] {
  return liveRows(sql, null).map(liveOf);
}

/** R3: what a worker does not list any more is lost at once; what it lists beats. */
export function applyHello(
  sql: Sql,
  message: Hello,
  vouchedFor: ReadonlySet<string>,
  now: number,
  plan: RetryPlan,
): Applied {
  if (!isNews(sql, message, now)) return { kind: 'stale', isNews: false, stops: [] };
  const known = sql.get<{ offer: string; has_left: number; standing: string | null }>(
    'SELECT offer, has_left, standing FROM workers WHERE worker = ?',
    message.worker,
  );
  const offer = JSON.stringify(message.offer);
  const standing = message.standing === undefined ? null : JSON.stringify(message.standing);
  const isNewcomer = known?.offer !== offer || known.has_left === 1 || known.standing !== standing;
  let isAnyLost = false;
  noteWorker(sql, message, { offer, standing, hasLeft: false }, now);
  const held = new Set([...message.holds.map((holding) => holding.nonce), ...(message.alsoHolds ?? [])]);
  for (const row of liveRows(sql, message.worker)) {
    if (held.has(row.nonce)) continue;
    const outcome: Broken = { kind: 'broken', cause: 'lost', phase: row.phase ?? 'claimed' };
    breakHolding(sql, liveOf(row), row.nonce, outcome, now, plan);
    isAnyLost = true;
  }
  const stops = message.holds.flatMap(
    (holding) =>
      applyBeat(
        sql,
        { ...holding, worker: message.worker, phase: null, logBytes: 0 },
        vouchedFor.has(holding.nonce),
        now,
      ).stops,
  );
  return { kind: 'applied', isNews: isNewcomer || isAnyLost, stops };
}

/** A worker leaves; what it hands back may run elsewhere at once. */
export function applyBye(sql: Sql, message: Bye, now: number, plan: RetryPlan): Applied {
  if (!isNews(sql, message, now)) return { kind: 'stale', isNews: false, stops: [] };
  noteWorker(sql, message, { offer: null, standing: null, hasLeft: true }, now);
  // It did what was wanted; whoever starts it again wants it to work.
  sql.run(`UPDATE workers SET wish = 'work' WHERE worker = ? AND wish = 'drain'`, message.worker);
  for (const holding of message.handsBack) {
    // Nobody hands back what another one runs.
    const key = attemptOf(holding.envelope);
    const isOwn = ({ nonce, worker }: HoldingRow): boolean => nonce === holding.nonce && worker === message.worker;
    if (!holdingRows(sql, key).some(isOwn)) continue;
    const outcome: Broken = { kind: 'broken', cause: 'gave-back', phase: 'running' };
    breakHolding(sql, key, holding.nonce, outcome, now, plan);
  }
  return { kind: 'applied', isNews: true, stops: [] };
}

/** Whoever said nothing for so long is gone (ms), as in `Presence`. */
const absentAfterMs = 75_000;

/**
 * A broker may bring an old word of a worker after newer ones; what it said last counts. Another machine that takes over the name of
 * one that is gone has counted its starts by itself, maybe to a smaller number.
 */
function isNews(sql: Sql, message: Hello | Bye, now: number): boolean {
  const { worker, session, seq } = message;
  const known = sql.get<{ session: number; seq: number; offer: string; last_heard_at: number; has_left: number }>(
    'SELECT session, seq, offer, last_heard_at, has_left FROM workers WHERE worker = ?',
    worker,
  );
  if (known === undefined || session > known.session || (session === known.session && seq > known.seq)) return true;
  const { installation } = JSON.parse(known.offer) as Partial<WorkerOffer>;
  const isGone = known.has_left === 1 || now - known.last_heard_at >= absentAfterMs;
  const isAnother =
    message.kind === 'hello' &&
    installation !== undefined &&
    message.offer.installation !== undefined &&
    message.offer.installation !== installation;
  return isGone && isAnother;
}

function noteWorker(
  sql: Sql,
  { worker, session, seq }: Hello | Bye,
  {
    offer,
    standing,
    hasLeft,
  }: { readonly offer: string | null; readonly standing: string | null; readonly hasLeft: boolean },
  now: number,
): void {
  sql.run(
    `INSERT INTO workers (worker, session, seq, offer, last_heard_at, has_left, standing, since)
     VALUES (?1, ?2, ?3, COALESCE(?4, '{}'), ?5, ?6, ?7, ?5)
     ON CONFLICT (worker) DO UPDATE SET session = ?2, seq = ?3, offer = COALESCE(?4, offer), last_heard_at = ?5, has_left = ?6,
       standing = ?7, since = CASE WHEN session = ?2 AND has_left = 0 THEN since ELSE ?5 END`,
    worker,
    session,
    seq,
    offer,
    now,
    hasLeft ? 1 : 0,
    standing,
  );
}

/** The log stands complete in the store. */
export function applySealed(sql: Sql, message: Sealed): Applied {
  const key = attemptOf(message.envelope);
  sql.run(
    `UPDATE attempts SET log_sha256 = ?, log_bytes = ?, is_log_truncated = ? WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?`,
    message.logSha256,
    message.logBytes,
    message.isTruncated ? 1 : 0,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
  );
  return { kind: 'applied', isNews: true, stops: [] };
}

/** R3: these fell silent. */
export function loseAttempts(sql: Sql, attempts: readonly LiveAttempt[], now: number, plan: RetryPlan): void {
  for (const attempt of attempts) {
    const row = sql.get<{ phase: Phase | null }>(
      'SELECT phase FROM attempts WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?',
      attempt.jobId,
      attempt.generation,
      attempt.n,
      attempt.nonce,
    );
    breakHolding(
      sql,
      attempt,
      attempt.nonce,
      { kind: 'broken', cause: 'lost', phase: row?.phase ?? 'claimed' },
      now,
      plan,
    );
  }
}

/** R7: an order came back unclaimed. An expired one was never tried, so its number is given again. */
export function applyDeadLetter(
  sql: Sql,
  envelope: JobEnvelope,
  reason: 'expired' | 'rejected' | 'delivery-limit',
  now: number,
  plan: RetryPlan,
): void {
  const key = attemptOf(envelope);
  const job = jobRow(sql, key.jobId);
  if (job?.state !== 'offered' || job.generation !== key.generation || job.n !== key.n) return;
  if (reason === 'expired') {
    sql.run(
      `DELETE FROM attempts WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ''`,
      key.jobId,
      key.generation,
      key.n,
    );
    sql.run('UPDATE jobs SET n = n - 1 WHERE id = ?', key.jobId);
    letWait(sql, key.jobId, now);
    return;
  }
  const outcome: Broken =
    reason === 'delivery-limit'
      ? { kind: 'broken', cause: 'poison', phase: 'claimed', detail: 'no worker could take this order' }
      : { kind: 'broken', cause: 'refused', phase: 'claimed', detail: 'a worker could not read this order' };
  sql.run(
    `UPDATE attempts SET state = 'ended', is_owner = 1, outcome = ?, ended_at = ? WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ''`,
    JSON.stringify(outcome),
    now,
    key.jobId,
    key.generation,
    key.n,
  );
  if (reason === 'delivery-limit') endJob(sql, key.jobId, outcome, now);
  else retryOrEnd(sql, job, outcome, now, plan);
}
