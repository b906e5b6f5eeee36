import type { Sql } from '../../base/sqlite.ts';
import type { Notice } from '../../core/action.ts';
import type { Change, StatusSeen } from '../../core/change.ts';
import type { JobId } from '../../core/job.ts';
import type { Phase } from '../../core/outcome.ts';
import type { Verdict } from '../../core/verdict.ts';
import { isFree } from './chores.ts';
import { isDue, longestPauseMs } from './clock-step.ts';
import type { RefusedReport } from '../ledger-reader.ts';
import type { JobStanding, ReportDue, WaitingShown } from '../report-due.ts';
import { jobOf, outcomeOf } from './job-row.ts';

interface DueRow {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  readonly version: number;
  readonly tries: number;
  readonly posts: number;
  readonly is_final: number;
  readonly job_id: JobId | null;
  readonly notice: string | null;
  readonly posted_at: number | null;
  readonly said: string | null;
  readonly generation: number;
  readonly state: JobStanding['state'];
  readonly outcome: string | null;
  readonly n: number;
  readonly phase: Phase | null;
  readonly body: string | null;
}

/** A final that the forge refuses is tried again after this (ms): a person may have mended what was wrong. */
export const refusedPauseMs = 24 * 3_600_000;

// The planner would rather walk all reports of a forge than these few.
const behind = 'reports INDEXED BY reports_due WHERE posted_version < version AND refused_version < version';
const refused = 'reports INDEXED BY reports_refused WHERE posted_version < version AND refused_version >= version';

const columns = `r.forge, r.repo, r.sha, r.context, r.version, r.tries, r.posts, r.is_final, r.job_id, r.notice, r.posted_at, r.said,
  j.generation, j.state, j.outcome, j.n, j.body,
  (SELECT a.phase FROM attempts a WHERE a.job_id = j.id AND a.generation = j.generation AND a.n = j.n AND a.is_owner = 1 AND a.state = 'live') AS phase`;

/** No verdict (`isNoVerdict`) is something that nobody waits for. */
const classOf = `CASE WHEN is_final = 0 THEN 3 - 2 * (posts = 0)
  WHEN outcome ->> '$.kind' = 'canceled' AND outcome ->> '$.reason' IN ('superseded', 'closed', 'untrusted', 'policy') THEN 2 ELSE 0 END`;

/** See `Ledger.dueReports`; in each class the first of every commit before the second of any, and the oldest first. */
function dueStatement(ofForge: string): string {
  const of = 'SELECT forge, repo, sha, context, is_final, posts, job_id FROM';
  return `WITH due AS (
      ${of} ${behind} ${ofForge} AND ${isDue('next_try_at', 1)}
      UNION ALL
      ${of} ${refused} ${ofForge} AND is_final = 1
        AND (posted_at <= ?1 - ${String(refusedPauseMs)} OR posted_at > ?1 + ${String(longestPauseMs)})),
    told AS (SELECT due.forge, repo, sha, context, ${classOf} AS class,
        COALESCE(j.ended_at, j.queued_at, 0) AS since, COALESCE(j.seq, 0) AS seq
      FROM due LEFT JOIN (SELECT id, seq, queued_at, ended_at, outcome FROM jobs) j ON j.id = due.job_id),
    ranked AS (SELECT told.*, ROW_NUMBER() OVER (PARTITION BY class, forge, repo, sha ORDER BY since, seq, context) AS place
      FROM told ORDER BY class, place, since, seq, forge, repo, sha LIMIT +?2)
    SELECT ${columns} FROM ranked JOIN reports r USING (forge, repo, sha, context) LEFT JOIN jobs j ON j.id = r.job_id
    ORDER BY ranked.class, ranked.place, ranked.since, ranked.seq, r.forge, r.repo, r.sha`;
}

const [dueAnywhere, dueAtForge] = [dueStatement(''), dueStatement('AND forge = ?3')];

/** See `Ledger.dueReports`. */
export function dueReports(sql: Sql, now: number, limit: number, forge?: string): readonly ReportDue[] {
  const rows =
    forge === undefined ? sql.all<DueRow>(dueAnywhere, now, limit) : sql.all<DueRow>(dueAtForge, now, limit, forge);
  return rows.map(reportOf);
}

/** See `Ledger.untoldReports`. Costs what it gives, however much is due. */
export function untoldReports(sql: Sql, now: number, limit: number, forge: string): readonly ReportDue[] {
  return sql
    .all<DueRow>(
      `SELECT ${columns} FROM (SELECT forge, repo, sha, context FROM ${behind} AND forge = ?3 AND ${isDue('next_try_at', 1)} LIMIT +?2)
       JOIN reports r USING (forge, repo, sha, context) LEFT JOIN jobs j ON j.id = r.job_id`,
      now,
      limit,
      forge,
    )
    .map(reportOf);
}

/** See `Ledger.shownWaiting`. */
export function shownWaiting(
  sql: Sql,
  forge: string,
  { postedBefore, after, limit }: { readonly postedBefore: number; readonly after: number; readonly limit: number },
): readonly WaitingShown[] {
  return sql
    .all<DueRow & { readonly posted_at: number; readonly said: string }>(
      `SELECT ${columns} FROM reports r JOIN jobs j ON j.id = r.job_id
       WHERE r.forge = ? AND r.posts = 1 AND r.is_final = 0 AND r.posted_at > ? AND r.posted_at < ?
         AND r.posted_version >= r.version AND r.said IS NOT NULL AND j.state = 'waiting' ORDER BY r.posted_at LIMIT +?`,
      forge,
      after,
      postedBefore,
      limit,
    )
    .map((row) => ({ ...reportOf(row), said: JSON.parse(row.said) as Verdict, postedAt: row.posted_at }));
}

/** See `Ledger.forgesToTell`. */
export function forgesToTell(sql: Sql): readonly string[] {
  return sql
    .all<{ forge: string }>(
      `SELECT DISTINCT forge FROM ${behind} UNION SELECT DISTINCT forge FROM chores INDEXED BY chores_due WHERE is_done = 0
       UNION SELECT DISTINCT forge FROM issues INDEXED BY issues_due WHERE kept_version < version ORDER BY forge`,
    )
    .map((row) => row.forge);
}

function nextStatement(ofForge: string): string {
  return `SELECT MIN(at) AS at FROM (SELECT MIN(next_try_at) AS at FROM ${behind} ${ofForge}
    UNION ALL SELECT MIN(posted_at) + ${String(refusedPauseMs)} FROM ${refused} AND is_final = 1 ${ofForge}
    UNION ALL SELECT MIN(next_try_at) FROM chores INDEXED BY chores_due WHERE is_done = 0 AND ${isFree} ${ofForge}
    UNION ALL SELECT MIN(next_try_at) FROM issues INDEXED BY issues_due WHERE kept_version < version ${ofForge})`;
}

const [nextAnywhere, nextAtForge] = [nextStatement(''), nextStatement('AND forge = ?1')];

/** See `Ledger.nextReportAt`. */
export function nextReportAt(sql: Sql, forge?: string): number | null {
  interface Row {
    readonly at: number | null;
  }
  const row = forge === undefined ? sql.get<Row>(nextAnywhere) : sql.get<Row>(nextAtForge, forge);
  return row?.at ?? null;
}

function reportOf(row: DueRow): ReportDue {
  return {
    forge: row.forge,
    repo: row.repo,
    sha: row.sha,
    context: row.context,
    version: row.version,
    tries: row.tries,
    posts: row.posts,
    isShown: row.said !== null,
    isFinal: row.is_final === 1,
    about: aboutOf(row),
  };
}

function aboutOf(row: DueRow): ReportDue['about'] {
  if (row.job_id === null || row.body === null) {
    return { kind: 'notice', notice: row.notice === null ? null : (JSON.parse(row.notice) as Notice) };
  }
  const standing = {
    jobId: row.job_id,
    generation: row.generation,
    state: row.state,
    phase: row.phase,
    outcome: outcomeOf(row.outcome),
    attempts: row.n,
  };
  return { kind: 'job', standing, job: jobOf(row.body) };
}

const named = 'forge = ? AND repo = ? AND sha = ? AND context = ?';

function nameOf({ forge, repo, sha, context }: ReportDue): readonly [string, string, string, string] {
  return [forge, repo, sha, context];
}

/** Acknowledges the version that was posted; what changed meanwhile stays due. A post for an earlier occasion is not counted. */
export function reportPosted(sql: Sql, report: ReportDue, said: Verdict, now: number): void {
  sql.run(
    `UPDATE reports SET posted_version = MAX(posted_version, ?1), said = ?2, posted_at = ?3, tries = 0, refused = NULL,
       posts = posts + (word_version <= ?1)
     WHERE forge = ?4 AND repo = ?5 AND sha = ?6 AND context = ?7`,
    report.version,
    JSON.stringify(said),
    now,
    ...nameOf(report),
  );
}

/**
 * See `Ledger.keepWords`. A run that an earlier ledger knew is in `reports` by its id alone, told already: who was asked before it
 * finds the word taken, and the next occasion takes it as ever.
 */
export function keepWords(sql: Sql, { forge, repo, headSha }: Change, shown: readonly StatusSeen[]): void {
  const contexts = new Set<string>();
  for (const { context, state, jobId, changeJobId, isCanceled } of shown) {
    // Of two the first counts: forges list the newest first.
    if (contexts.has(context)) continue;
    contexts.add(context);
    if (jobId === null || changeJobId === null || jobId === changeJobId || isCanceled) continue;
    const known = sql.get<{ state: string }>('SELECT state FROM jobs WHERE id = ?', jobId);
    // What ran when the ledger was lost and is not heard of is asked for again, or given up.
    if (known === undefined && state === 'pending') continue;
    sql.run(
      `INSERT INTO reports (forge, repo, sha, context, job_id, version, posted_version, is_final) VALUES (?1, ?2, ?3, ?4, ?5, 1, 1 - ?7, ?8)
       ON CONFLICT (forge, repo, sha, context) DO UPDATE SET job_id = ?5, version = version + 1, is_final = ?8, tries = 0, next_try_at = 0,
         posted_version = CASE WHEN ?7 THEN posted_version ELSE version + 1 END, word_version = version + 1
       WHERE job_id = ?6`,
      forge,
      repo,
      headSha,
      context,
      jobId,
      changeJobId,
      known === undefined ? 0 : 1,
      known === undefined || known.state === 'ended' ? 1 : 0,
    );
  }
}

/** Acknowledges a step that is not told. */
export function reportSkipped(sql: Sql, report: ReportDue): void {
  sql.run(
    `UPDATE reports SET posted_version = MAX(posted_version, ?) WHERE ${named}`,
    report.version,
    ...nameOf(report),
  );
}

/** Comes back later. */
export function reportFailed(sql: Sql, report: ReportDue, nextTryAt: number): void {
  sql.run(
    `UPDATE reports SET tries = tries + 1, next_try_at = ?, refused_version = 0 WHERE ${named} AND version = ?`,
    nextTryAt,
    ...nameOf(report),
    report.version,
  );
}

/** Set aside, as far as nothing newer is to be said. */
export function reportRefused(sql: Sql, report: ReportDue, why: string, now: number): void {
  sql.run(
    `UPDATE reports SET tries = tries + 1, refused_version = version, refused = ?, posted_at = ? WHERE ${named} AND version = ?`,
    why,
    now,
    ...nameOf(report),
    report.version,
  );
}

/** See `LedgerReader.refusedReports`. */
export function refusedReports(sql: Sql, limit: number): readonly RefusedReport[] {
  return sql
    .all<Omit<RefusedReport, 'refusedAt' | 'why'> & { readonly refused: string | null; readonly posted_at: number }>(
      `SELECT forge, repo, sha, context, refused, posted_at FROM ${refused} ORDER BY posted_at DESC LIMIT +?`,
      limit,
    )
    .map(({ refused: why, posted_at, ...row }) => ({ ...row, why: why ?? '', refusedAt: posted_at }));
}
