import type { Sql } from '../../base/sqlite.ts';
import type { AttemptKey } from '../../core/attempt.ts';
import { changeKey } from '../../core/subject.ts';
import { attemptOf, type JobEnvelope } from '../../core/job-envelope.ts';
import { isVerdict, type CancelReason, type Outcome, type Phase } from '../../core/outcome.ts';
import type { Claimed, Finished, Holding } from '../../core/worker-message.ts';
import { afterBroken, countsAsTry, type RetryPlan } from '../../decide/retry-plan.ts';
import type { Applied, Stop } from '../ledger.ts';
import { insertJob, liveHoldings } from './decisions.ts';
import {
  endJob,
  holdingRows,
  jobRow,
  letWait,
  outcomeOf,
  standingChanged,
  type HoldingRow,
  type JobRow,
} from './job-row.ts';

const nothing: Applied = { kind: 'applied', isNews: false, stops: [] };
const news: Applied = { kind: 'applied', isNews: true, stops: [] };
const unknown: Applied = { kind: 'unknown', isNews: false, stops: [] };

/** A message of a worker about one holding, as all of them are. */
type FromHolder = Holding & { readonly worker: string };

/** Somebody took the offer (R2, R6). */
export function applyClaimed(sql: Sql, message: Claimed, isVouched: boolean, now: number): Applied {
  const key = attemptOf(message.envelope);
  const job = admit(sql, message.envelope, isVouched, now);
  if (job === undefined) return unknown;
  const refusal = refusalOf(job, key);
  if (refusal !== null) {
    noteRefused(sql, message, job, now);
    return stopOnly(message, key, refusal);
  }
  const holdings = holdingRows(sql, key);
  const mine = holdings.find((row) => row.nonce === message.nonce);
  if (mine !== undefined)
    return mine.state === 'live' && mine.is_owner === 1 ? nothing : stopOnly(message, key, withdrawn);
  // A copy that the broker hands out for the first time, of what somebody holds: ours was one too many (R6).
  if (ownerOf(holdings) !== undefined && !message.isRedelivered) return stopOnly(message, key, withdrawn);
  takeOver(sql, message, key, 'claimed', now);
  return news;
}

/** A holder lives. A beat whose claim never reached us is as good as the claim. */
export function applyBeat(
  sql: Sql,
  message: FromHolder & { readonly phase: Phase | null; readonly logBytes: number },
  isVouched: boolean,
  now: number,
): Applied {
  const key = attemptOf(message.envelope);
  const job = admit(sql, message.envelope, isVouched, now);
  if (job === undefined) return unknown;
  const refusal = refusalOf(job, key);
  if (refusal !== null) {
    noteRefused(sql, message, job, now);
    return stopOnly(message, key, refusal);
  }
  const holdings = holdingRows(sql, key);
  const mine = holdings.find((row) => row.nonce === message.nonce);
  if (mine === undefined) {
    if (ownerOf(holdings) !== undefined) return stopOnly(message, key, withdrawn);
    takeOver(sql, message, key, message.phase ?? 'running', now);
  } else if (mine.state !== 'live' || mine.is_owner === 0 || mine.worker !== message.worker) {
    // Of another worker's attempt, too: nobody else says how far it is.
    return stopOnly(message, key, withdrawn);
  }
  const before = sql.get<{ phase: string | null }>(
    'SELECT phase FROM attempts WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?',
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
  );
  sql.run(
    `UPDATE attempts SET phase = COALESCE(?, phase), last_beat_at = ?, log_bytes = MAX(log_bytes, ?),
       started_at = CASE WHEN ?1 = 'running' THEN COALESCE(started_at, ?2) ELSE started_at END
     WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?`,
    message.phase,
    now,
    message.logBytes,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
  );
  if (message.phase === null || before?.phase === message.phase) return mine === undefined ? news : nothing;
  standingChanged(sql, key.jobId);
  return news;
}

/** An attempt is over. R4: the first verdict of the current generation closes the job, whoever brings it. */
export function applyFinished(sql: Sql, message: Finished, isVouched: boolean, now: number, plan: RetryPlan): Applied {
  const key = attemptOf(message.envelope);
  // Of an earlier ledger's job, a stop or a breakage says only that this holding came to nothing: another one may have judged
  // it, as the forge shows. A look asks for it again if nobody did.
  if (isVouched && !isVerdict(message.outcome) && jobRow(sql, key.jobId) === undefined) return nothing;
  const job = admit(sql, message.envelope, isVouched, now);
  if (job === undefined) return unknown;
  const holdings = holdingRows(sql, key);
  const mine = holdings.find((row) => row.nonce === message.nonce);
  const isCurrent =
    key.generation === job.generation && key.n === job.n && (job.state === 'offered' || job.state === 'running');
  const isOwner = mine === undefined ? isCurrent && ownerOf(holdings) === undefined : mine.is_owner === 1;
  const wasLive = mine === undefined || mine.state === 'live';
  if (mine === undefined && isOwner) takeOver(sql, message, key, 'saving', now);
  keepEnd(sql, message, key, now);
  if (key.generation !== job.generation || job.state === 'ended') return nothing;
  if (isVerdict(message.outcome)) {
    if (job.is_exclusive === 1 && !(isOwner && isCurrent)) return nothing;
    sql.run(
      'UPDATE attempts SET is_accepted = 1 WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?',
      key.jobId,
      key.generation,
      key.n,
      message.nonce,
    );
    const stops = liveHoldings(sql, key.jobId, 'withdrawn', 'another attempt was first');
    endJob(sql, key.jobId, message.outcome, now);
    return { kind: 'applied', isNews: true, stops };
  }
  if (isOwner && wasLive && isCurrent) retryOrEnd(sql, job, brokenOf(message.outcome), now, plan);
  return news;
}

/** A live holding ended without a word of its own: lost, handed back. */
export function breakHolding(
  sql: Sql,
  key: AttemptKey,
  nonce: string,
  outcome: Outcome & { readonly kind: 'broken' },
  now: number,
  plan: RetryPlan,
): void {
  const { changes } = sql.run(
    `UPDATE attempts SET state = 'ended', outcome = ?, ended_at = ? WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ? AND state <> 'ended'`,
    JSON.stringify(outcome),
    now,
    key.jobId,
    key.generation,
    key.n,
    nonce,
  );
  const job = jobRow(sql, key.jobId);
  if (changes === 0 || job === undefined) return;
  const row = holdingRows(sql, key).find((holding) => holding.nonce === nonce);
  const isCurrent =
    key.generation === job.generation && key.n === job.n && (job.state === 'offered' || job.state === 'running');
  if (isCurrent && row?.is_owner === 1) retryOrEnd(sql, job, outcome, now, plan);
}

/** Back to waiting after the plan's pause, or the end as the machinery's failure. */
export function retryOrEnd(
  sql: Sql,
  job: JobRow,
  outcome: Outcome & { readonly kind: 'broken' },
  now: number,
  plan: RetryPlan,
): void {
  const ended = sql
    .all<{ n: number; outcome: string | null }>(
      `SELECT n, outcome FROM attempts WHERE job_id = ? AND generation = ? AND state = 'ended'`,
      job.id,
      job.generation,
    )
    .map((row) => ({ n: row.n, outcome: outcomeOf(row.outcome) }));
  const counted = new Set(ended.filter((end) => end.outcome !== null && countsAsTry(end.outcome)).map((end) => end.n))
    .size;
  const decision = afterBroken(plan, outcome.cause, { counted, total: job.n });
  if (decision.kind === 'again') letWait(sql, job.id, now + decision.pauseMs);
  else endJob(sql, job.id, outcome, now);
}

/**
 * The job that an envelope speaks of; undefined when nobody vouches for it (R10). One that we do not know, or a number
 * beyond what we remember, was given out by an earlier ledger of ours and is taken in.
 */
function admit(sql: Sql, envelope: JobEnvelope, isVouched: boolean, now: number): JobRow | undefined {
  if (!isVouched) return undefined;
  const { job: order, generation, n } = envelope;
  const known = jobRow(sql, order.id);
  if (known === undefined) {
    insertJob(sql, {
      // Whoever asked for it is forgotten, and so is why.
      policyVersion: null,
      job: order,
      changeKey: changeKey(order.subject),
      title: '',
      generation,
      now,
      traceId: envelope.traceId,
      state: 'offered',
    });
    sql.run('UPDATE jobs SET n = ?, base_sha = ? WHERE id = ?', n, envelope.baseSha, order.id);
    sql.run(
      `INSERT INTO reports (forge, repo, sha, context, job_id, version) VALUES (?, ?, ?, ?, ?, 1)
       ON CONFLICT (forge, repo, sha, context) DO UPDATE SET job_id = excluded.job_id, version = version + 1, tries = 0, next_try_at = 0
       WHERE job_id IS NULL`,
      order.subject.forge,
      order.subject.repo,
      order.subject.sha,
      order.context,
      order.id,
    );
    return jobRow(sql, order.id);
  }
  const isBeyond = generation > known.generation || (generation === known.generation && n > known.n);
  const hasVerdict = known.state === 'ended' && isVerdict(outcomeOf(known.outcome) ?? { kind: 'passed' });
  if (!isBeyond || hasVerdict || (known.state === 'ended' && generation === known.generation)) return known;
  sql.run(`DELETE FROM attempts WHERE job_id = ? AND state = 'offered'`, order.id);
  sql.run(
    `UPDATE jobs SET generation = ?, n = ?, state = 'offered', outcome = NULL, ended_at = NULL, base_sha = ? WHERE id = ?`,
    generation,
    n,
    envelope.baseSha,
    order.id,
  );
  standingChanged(sql, order.id);
  return jobRow(sql, order.id);
}

interface Refusal {
  readonly reason: CancelReason;
  readonly by: string;
}

const withdrawn: Refusal = { reason: 'withdrawn', by: 'another attempt runs' };

/** Why nobody should hold this attempt now; null when somebody should (R14). */
function refusalOf(job: JobRow, key: AttemptKey): Refusal | null {
  if (key.generation !== job.generation) return withdrawn;
  if (job.state === 'ended') {
    const outcome = outcomeOf(job.outcome);
    return outcome?.kind === 'canceled' ? outcome : { reason: 'withdrawn', by: 'another attempt was first' };
  }
  return key.n !== job.n || job.state === 'waiting' ? withdrawn : null;
}

function stopOnly(message: FromHolder, key: AttemptKey, { reason, by }: Refusal): Applied {
  const stop: Stop = { ...key, worker: message.worker, nonce: message.nonce, reason, by };
  return { kind: 'applied', isNews: false, stops: [stop] };
}

function ownerOf(holdings: readonly HoldingRow[]): HoldingRow | undefined {
  return holdings.find((row) => row.state === 'live' && row.is_owner === 1);
}

/**
 * Who holds what was called off is told to stop, and is remembered as one who owns nothing: of two copies of one order the one that ends
 * later may tell its end, too, and a late success stays on the attempt (R14). Only while no other copy has ended, that is before the order
 * lies in the store for everybody to read (R10); and only of a generation that is over, so that nothing it tells can judge the job.
 */
function noteRefused(sql: Sql, message: FromHolder, job: JobRow, now: number): void {
  const key = attemptOf(message.envelope);
  if (key.generation === job.generation && job.state !== 'ended') return;
  if (holdingRows(sql, key).some((row) => row.state === 'ended')) return;
  sql.run(
    `INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, base_sha, offered_at, claimed_at, last_beat_at)
     VALUES (?, ?, ?, ?, 'live', '', ?, 0, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
    message.worker,
    message.envelope.baseSha,
    now,
    now,
    now,
  );
}

/** The speaker owns the attempt from now on; an owner before it is stopped at its next beat (R2). */
function takeOver(sql: Sql, message: FromHolder, key: AttemptKey, phase: Phase, now: number): void {
  sql.run(
    'UPDATE attempts SET is_owner = 0 WHERE job_id = ? AND generation = ? AND n = ?',
    key.jobId,
    key.generation,
    key.n,
  );
  const offer = sql.get<{ queue: string; offered_at: number }>(
    `DELETE FROM attempts WHERE job_id = ? AND generation = ? AND n = ? AND nonce = '' RETURNING queue, offered_at`,
    key.jobId,
    key.generation,
    key.n,
  );
  sql.run(
    `INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, phase, base_sha, offered_at, claimed_at, last_beat_at)
     VALUES (?, ?, ?, ?, 'live', ?, ?, 1, ?, ?, ?, ?, ?)`,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
    offer?.queue ?? '',
    message.worker,
    phase,
    message.envelope.baseSha,
    offer?.offered_at ?? now,
    now,
    now,
  );
  sql.run(`UPDATE jobs SET state = 'running', started_at = COALESCE(started_at, ?) WHERE id = ?`, now, key.jobId);
  standingChanged(sql, key.jobId);
}

/** Writes an attempt's own end, also of one that nobody waits for. A repeated message changes nothing. */
function keepEnd(sql: Sql, message: Finished, key: AttemptKey, now: number): void {
  sql.run(
    `INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, offered_at, claimed_at) VALUES (?, ?, ?, ?, 'live', '', ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
    message.worker,
    now,
    now,
  );
  sql.run(
    `UPDATE attempts SET state = 'ended', outcome = ?, started_at = ?, ended_at = ?, tested_sha = ?, image_digest = ?, peak_memory_bytes = ?, oom = ?
     WHERE job_id = ? AND generation = ? AND n = ? AND nonce = ?`,
    JSON.stringify(message.outcome),
    message.startedAt,
    message.endedAt,
    message.testedSha,
    message.imageDigest,
    message.peakMemoryBytes,
    message.oom,
    key.jobId,
    key.generation,
    key.n,
    message.nonce,
  );
}

/** An owner that stopped although the job goes on handed it back. */
function brokenOf(outcome: Outcome): Outcome & { readonly kind: 'broken' } {
  return outcome.kind === 'broken' ? outcome : { kind: 'broken', cause: 'gave-back', phase: 'running' };
}
