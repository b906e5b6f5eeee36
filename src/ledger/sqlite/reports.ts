import type { Sql } from '../../base/sqlite.ts';
import type { Notice } from '../../core/action.ts';
import type { JobId } from '../../core/job.ts';
import type { Phase } from '../../core/outcome.ts';
import type { Verdict } from '../../core/verdict.ts';
import { isDue } from './clock-step.ts';
import type { ForgeChore, JobStanding, ReportDue } from '../report-due.ts';
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
  readonly generation: number;
  readonly state: JobStanding['state'];
  readonly outcome: string | null;
  readonly n: number;
  readonly phase: Phase | null;
  readonly body: string | null;
}

/** Finals first, then the longest waiting. */
export function dueReports(sql: Sql, now: number, limit: number): readonly ReportDue[] {
  return sql
    .all<DueRow>(
      `SELECT r.forge, r.repo, r.sha, r.context, r.version, r.tries, r.posts, r.is_final, r.job_id, r.notice, j.generation, j.state, j.outcome, j.n, j.body,
         (SELECT a.phase FROM attempts a WHERE a.job_id = j.id AND a.generation = j.generation AND a.n = j.n AND a.is_owner = 1 AND a.state = 'live') AS phase
       FROM reports r LEFT JOIN jobs j ON j.id = r.job_id
       WHERE r.posted_version < r.version AND ${isDue('r.next_try_at', 1)} ORDER BY r.is_final DESC, r.next_try_at LIMIT +?2`,
      now,
      limit,
    )
    .map((row) => ({
      forge: row.forge,
      repo: row.repo,
      sha: row.sha,
      context: row.context,
      version: row.version,
      tries: row.tries,
      posts: row.posts,
      isFinal: row.is_final === 1,
      about: aboutOf(row),
    }));
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

/** Acknowledges the version that was posted; what changed meanwhile stays due. */
export function reportPosted(sql: Sql, report: ReportDue, said: Verdict, now: number): void {
  sql.run(
    `UPDATE reports SET posted_version = MAX(posted_version, ?), said = ?, posted_at = ?, tries = 0, posts = posts + 1
     WHERE forge = ? AND repo = ? AND sha = ? AND context = ?`,
    report.version,
    JSON.stringify(said),
    now,
    report.forge,
    report.repo,
    report.sha,
    report.context,
  );
}

/** Comes back later. */
export function reportFailed(sql: Sql, report: ReportDue, nextTryAt: number): void {
  sql.run(
    'UPDATE reports SET tries = tries + 1, next_try_at = ? WHERE forge = ? AND repo = ? AND sha = ? AND context = ? AND version = ?',
    nextTryAt,
    report.forge,
    report.repo,
    report.sha,
    report.context,
    report.version,
  );
}

/** What the forge must remember for us and does not yet. */
export function dueChores(sql: Sql, now: number, limit: number): readonly ForgeChore[] {
  return sql
    .all<{ id: number; body: string; tries: number }>(
      `SELECT id, body, tries FROM chores WHERE is_done = 0 AND ${isDue('next_try_at', 1)} ORDER BY next_try_at, id LIMIT +?2`,
      now,
      limit,
    )
    .map(
      ({ id, body, tries }) => ({ ...(JSON.parse(body) as Omit<ForgeChore, 'id' | 'tries'>), id, tries }) as ForgeChore,
    );
}
