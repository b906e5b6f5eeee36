import type { Sql } from '../../base/sqlite.ts';
import type { Action, Notice } from '../../core/action.ts';
import type { Change } from '../../core/change.ts';
import { needsClass, type Job, type JobId } from '../../core/job.ts';
import { isNoVerdict, type CancelReason, type Outcome } from '../../core/outcome.ts';
import type { ContextSkipped, JobKnown } from '../../core/snapshot.ts';
import type { Decision, DecisionApplied, Stop } from '../ledger.ts';
import { addChore, effectsOf } from './chores.ts';
import { endDelivery } from './deliveries.ts';
import { noteFind } from './finds.ts';
import { rememberForeign } from './foreign-statuses.ts';
import { endJob, jobOf, jobRow, outcomeOf, standingChanged } from './job-row.ts';

const knownColumns = `j.id, j.generation, j.change_key, j.sha, j.context, j.occasion, j.state, j.outcome,
    json_extract(j.body, '$.subject.baseRef') AS base_ref, json_extract(j.body, '$.isTrusted') AS is_trusted,
    EXISTS (SELECT 1 FROM reports r WHERE r.job_id = j.id AND r.forge = j.forge AND r.repo = j.repo AND r.sha = j.sha AND r.context = j.context) AS has_word`;
const atCommit = `SELECT ${knownColumns} FROM jobs j WHERE forge = ? AND repo = ? AND sha = ? ORDER BY seq`;
const elsewhere = `SELECT ${knownColumns} FROM jobs j WHERE change_key = ? AND state <> 'ended' AND sha <> ? ORDER BY seq`;

/** Jobs at this commit, and the unended ones of this place at other commits. */
export function jobsOfChange(sql: Sql, changeKey: string, headSha: string): readonly JobKnown[] {
  const [forge = '', repo = ''] = changeKey.split('|');
  interface Row {
    id: JobId;
    generation: number;
    change_key: string;
    sha: string;
    base_ref: string;
    is_trusted: number;
    context: string;
    occasion: string;
    state: string;
    outcome: string | null;
    has_word: number;
  }
  const rows = [...sql.all<Row>(atCommit, forge, repo, headSha), ...sql.all<Row>(elsewhere, changeKey, headSha)];
  return rows.map((row) => ({
    id: row.id,
    generation: row.generation,
    changeKey: row.change_key,
    sha: row.sha,
    baseRef: row.base_ref,
    isTrusted: row.is_trusted === 1,
    context: row.context,
    occasion: row.occasion,
    isEnded: row.state === 'ended',
    outcome: outcomeOf(row.outcome),
    hasWord: row.has_word === 1,
  }));
}

/** Contexts that are skipped at this commit. */
export function skippedContexts(sql: Sql, forge: string, repo: string, sha: string): readonly ContextSkipped[] {
  return sql
    .all<{ context: string; notice: string }>(
      `SELECT context, notice FROM reports WHERE forge = ? AND repo = ? AND sha = ? AND job_id IS NULL
         AND json_extract(notice, '$.kind') = 'skipped'`,
      forge,
      repo,
      sha,
    )
    .map((row) => {
      const { sentence, isByPolicy = false } = JSON.parse(row.notice) as Notice;
      return { context: row.context, sentence, isByPolicy };
    });
}

/** One snapshot's actions, all or none. */
export function applyDecision(sql: Sql, decision: Decision): DecisionApplied {
  const { change, actions, deliveryIds, now } = decision;
  const last = sql.get<{ version: number; head_sha: string }>(
    'SELECT version, head_sha FROM changes WHERE key = ?',
    change.key,
  );
  if (last !== undefined && last.version > change.version) return { kind: 'stale', stops: [] };
  sql.run(
    `INSERT INTO changes (key, forge, repo, head_sha, is_open, version, body, seen_at, head_since)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6)
     ON CONFLICT (key) DO UPDATE SET head_sha = ?4, is_open = ?5, version = ?6, body = ?7, seen_at = ?8,
       head_since = CASE WHEN head_sha = ?4 THEN head_since ELSE ?6 END`,
    change.key,
    change.forge,
    change.repo,
    change.headSha,
    change.isOpen ? 1 : 0,
    change.version,
    JSON.stringify(change),
    now,
  );
  noteFind(sql, decision, last?.head_sha ?? null);
  if (!change.isOpen) sql.run('UPDATE changes SET notice = NULL WHERE key = ? AND notice IS NOT NULL', change.key);
  const stops = actions.flatMap((action) => applyAction(sql, decision, action));
  for (const action of actions) if (action.kind === 'request-done') closeRequest(sql, decision, action);
  for (const id of deliveryIds) endDelivery(sql, id, 'handled', null, now);
  if (decision.foreign !== undefined) rememberForeign(sql, change, decision.foreign, now);
  return { kind: 'applied', stops };
}

function applyAction(sql: Sql, decision: Decision, action: Action): readonly Stop[] {
  const { change, now, viewedAt = now } = decision;
  switch (action.kind) {
    case 'enqueue':
      enqueue(sql, decision, action);
      return [];
    case 'cancel':
      return cancelJob(sql, action.jobId, { kind: 'canceled', reason: action.reason, by: action.by }, now);
    case 'restate':
      restate(sql, action.jobId, { now, viewedAt });
      return [];
    case 'restate-skip':
      restateSkip(sql, change, action, now);
      return [];
    case 'notice':
      applyNotice(sql, change, action, now);
      return [];
    case 'approve':
      sql.run(
        'INSERT OR IGNORE INTO approvals (change_key, sha, by, at, request_id) VALUES (?, ?, ?, ?, ?)',
        change.key,
        action.sha,
        action.by,
        now,
        action.requestId ?? null,
      );
      addChore(sql, { kind: 'approve', forge: change.forge, repo: change.repo, sha: action.sha, by: action.by });
      return [];
    case 'skip':
      sayNotice(sql, change, action, {
        kind: 'skipped',
        sentence: action.sentence,
        ...(action.isByPolicy === true ? { isByPolicy: true } : {}),
      });
      return [];
    case 'request-done':
      return [];
    default:
      return action satisfies never;
  }
}

/** Here it is done at once; the forge hears of it after what it led to. */
function closeRequest(
  sql: Sql,
  { change, actions, now }: Decision,
  { requestId, answer, comment }: Action & { readonly kind: 'request-done' },
): void {
  const { forge, repo, pull } = change;
  sql.run('INSERT OR IGNORE INTO requests_done (id, at) VALUES (?, ?)', requestId, now);
  if (comment !== undefined && pull !== null)
    addChore(sql, { kind: 'comment', forge, repo, pull, text: comment, marker: `request:${requestId}` });
  addChore(
    sql,
    { kind: 'request-done', forge, repo, requestId, ...(answer === undefined ? {} : { answer }) },
    effectsOf(sql, change, actions, requestId),
  );
}

/**
 * R12: the same id is the same job. R13: an end that was no verdict opens again under the next generation, as it is asked for
 * now: the place may be another one, no longer trusted, and the configuration may have taken secrets or a pool away.
 */
function enqueue(
  sql: Sql,
  { change, now, traceId, policyVersion }: Decision,
  { job, generation }: Action & { readonly kind: 'enqueue' },
): void {
  const known = jobRow(sql, job.id);
  if (known === undefined) {
    const row = { job, changeKey: change.key, title: change.title, generation, now, traceId };
    insertJob(sql, { ...row, policyVersion: policyVersion ?? null, state: 'waiting' });
  } else {
    if (known.state !== 'ended' || !isNoVerdict(outcomeOf(known.outcome))) return;
    sql.run(
      `UPDATE jobs SET generation = ?, state = 'waiting', n = 0, outcome = NULL, ended_at = NULL, started_at = NULL, base_sha = NULL,
         not_before = 0, queued_at = ?, change_key = ?, trace_id = ?, class = ?, pull = ?, branch = ?, title = ?, priority = ?, pool = ?,
         is_exclusive = ?, body = ?, policy_version = ? WHERE id = ?`,
      Math.max(known.generation + 1, generation),
      now,
      change.key,
      traceId,
      needsClass(job),
      job.subject.pull,
      job.subject.branch,
      change.title,
      job.priority,
      job.pool,
      job.exclusive ? 1 : 0,
      JSON.stringify(job),
      policyVersion ?? null,
      job.id,
    );
  }
  giveWord(sql, job);
}

/** A job row as intake or an unknown but vouched-for worker message makes it. */
export function insertJob(
  sql: Sql,
  row: {
    readonly job: Job;
    readonly changeKey: string;
    readonly title: string;
    readonly generation: number;
    readonly now: number;
    readonly traceId: string;
    readonly policyVersion: string | null;
    readonly state: 'waiting' | 'offered';
  },
): void {
  const { job } = row;
  sql.run(
    `INSERT INTO jobs (id, generation, state, project, class, change_key, forge, repo, sha, pull, branch, title, context, occasion,
       priority, pool, is_exclusive, body, queued_at, trace_id, policy_version)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    job.id,
    row.generation,
    row.state,
    `${job.subject.forge}|${job.subject.repo}`,
    needsClass(job),
    row.changeKey,
    job.subject.forge,
    job.subject.repo,
    job.subject.sha,
    job.subject.pull,
    job.subject.branch,
    row.title,
    job.context,
    job.occasion,
    job.priority,
    job.pool,
    job.exclusive ? 1 : 0,
    JSON.stringify(job),
    row.now,
    row.traceId,
    row.policyVersion,
  );
}

/** The status of (commit, context) now shows this job: its occasion was applied last (R4). */
export function giveWord(sql: Sql, { subject, context, id }: Job): void {
  sql.run(
    `INSERT INTO reports (forge, repo, sha, context, job_id, version) VALUES (?1, ?2, ?3, ?4, ?5, 1)
     ON CONFLICT (forge, repo, sha, context) DO UPDATE SET job_id = ?5, notice = NULL, version = version + 1, is_final = 0, tries = 0,
       next_try_at = 0, posts = 0, restates = 0, word_version = version + 1`,
    subject.forge,
    subject.repo,
    subject.sha,
    context,
    id,
  );
}

/** What the forge refused so lately (ms) is not said again at each look. */
const refusedLatelyMs = 3_600_000;

/**
 * Nor is what the forge took so lately (ms), four times as long with each time. What it shows instead is a view that lags, or
 * an old post that came late, and once more mends it; or it is somebody with the same contexts who says it again as fast as we
 * do, and without a growing pause the two would fill the thousand statuses that GitHub takes.
 */
function toldLatelyMs(restates: number): number {
  return Math.min(10_000 * 4 ** restates, 24 * 3_600_000);
}

/** The job has the word, and says it again. */
function restate(sql: Sql, id: JobId, { now, viewedAt }: { readonly now: number; readonly viewedAt: number }): void {
  const row = sql.get<{ body: string }>('SELECT body FROM jobs WHERE id = ?', id);
  if (row === undefined) return;
  const isRefused = sql.get(
    'SELECT 1 FROM reports WHERE job_id = ? AND posted_version < version AND refused_version >= version AND posted_at > ?',
    id,
    now - refusedLatelyMs,
  );
  if (isRefused !== undefined) return;
  const told = sql.get<{ posted_at: number; restates: number }>(
    'SELECT posted_at, restates FROM reports WHERE job_id = ? AND posted_version >= version AND said IS NOT NULL AND posted_at <= ?',
    id,
    now,
  );
  // The view is from before the forge had it.
  if (told !== undefined && told.posted_at >= viewedAt) return;
  if (told !== undefined && now - told.posted_at < toldLatelyMs(told.restates)) return;
  // It is going to be told, or just now being told: a newer version would have the same said twice.
  const isDue = sql.get(
    'SELECT 1 FROM reports WHERE job_id = ? AND posted_version < version AND refused_version < version',
    id,
  );
  if (isDue !== undefined) return;
  giveWord(sql, jobOf(row.body));
  sql.run('UPDATE reports SET restates = ? WHERE job_id = ?', (told?.restates ?? 0) + 1, id);
  standingChanged(sql, id);
}

/** A skip is said again, as rarely as what a job says. */
function restateSkip(
  sql: Sql,
  { forge, repo }: Change,
  { sha, context }: { readonly sha: string; readonly context: string },
  now: number,
): void {
  const told = sql.get<{ posted_at: number; restates: number }>(
    `SELECT posted_at, restates FROM reports WHERE forge = ? AND repo = ? AND sha = ? AND context = ? AND job_id IS NULL
       AND json_extract(notice, '$.kind') = 'skipped' AND posted_version >= version AND posted_at IS NOT NULL`,
    forge,
    repo,
    sha,
    context,
  );
  if (told === undefined || (told.posted_at <= now && now - told.posted_at < toldLatelyMs(told.restates))) return;
  sql.run(
    `UPDATE reports SET version = version + 1, tries = 0, next_try_at = 0, posts = 0, word_version = version + 1, restates = restates + 1
     WHERE forge = ? AND repo = ? AND sha = ? AND context = ?`,
    forge,
    repo,
    sha,
    context,
  );
}

/** R14: who commits first has it. Every holding that still lives is told to stop. */
export function cancelJob(
  sql: Sql,
  id: JobId,
  outcome: Outcome & { readonly kind: 'canceled' },
  now: number,
): readonly Stop[] {
  const known = jobRow(sql, id);
  if (known === undefined || known.state === 'ended') return [];
  endJob(sql, id, outcome, now);
  return liveHoldings(sql, id, outcome.reason, outcome.by);
}

/** Stops for every live holding of a job. */
export function liveHoldings(sql: Sql, jobId: JobId, reason: CancelReason, by: string): readonly Stop[] {
  return sql
    .all<{ generation: number; n: number; nonce: string; worker: string }>(
      `SELECT generation, n, nonce, worker FROM attempts WHERE job_id = ? AND state = 'live'`,
      jobId,
    )
    .map((row) => ({ jobId, ...row, reason, by }));
}

function applyNotice(sql: Sql, change: Change, action: Action & { readonly kind: 'notice' }, now: number): void {
  const text = action.notice === null ? null : JSON.stringify(action.notice);
  sql.run(
    `UPDATE changes SET notice = ?1, notice_since = ?2 WHERE key = ?3 AND notice IS NOT ?1`,
    text,
    text === null ? null : now,
    change.key,
  );
  // Withdrawing what was never said is nothing to say; and what another place with the same commit says stays, or the two
  // would say it and take it back at each look.
  if (text === null) {
    sql.run(
      `UPDATE reports SET notice = NULL, version = version + 1, is_final = 1, tries = 0, next_try_at = 0
       WHERE forge = ?1 AND repo = ?2 AND sha = ?3 AND context = ?4 AND job_id IS NULL AND notice IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.forge = ?1 AND c.repo = ?2 AND c.head_sha = ?3 AND c.is_open = 1
           AND c.notice IS NOT NULL)`,
      change.forge,
      change.repo,
      action.sha,
      action.context,
    );
    return;
  }
  sayNotice(sql, change, action, action.notice);
}

/** The status of (commit, context) belongs to no job now; finals are never left out, and a notice is one. */
function sayNotice(
  sql: Sql,
  change: Change,
  { sha, context }: { readonly sha: string; readonly context: string },
  notice: Notice | null,
): void {
  sql.run(
    `INSERT INTO reports (forge, repo, sha, context, notice, version, is_final) VALUES (?1, ?2, ?3, ?4, ?5, 1, 1)
     ON CONFLICT (forge, repo, sha, context) DO UPDATE SET notice = ?5, job_id = NULL, version = version + 1, is_final = 1, tries = 0,
       next_try_at = 0, posts = 0, restates = 0, word_version = version + 1
     WHERE notice IS NOT ?5`,
    change.forge,
    change.repo,
    sha,
    context,
    JSON.stringify(notice),
  );
}
