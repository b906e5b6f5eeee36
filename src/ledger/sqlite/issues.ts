import type { Sql } from '../../base/sqlite.ts';
import type { Job, JobId } from '../../core/job.ts';
import { isVerdict, type Outcome } from '../../core/outcome.ts';
import type { IssueDue } from '../report-due.ts';
import { isDue } from './clock-step.ts';

/**
 * A job ended: if its check tells failures by an issue, this is what the issue should say now. A success where none is open
 * is nothing to tell. The newest verdict counts, in the order of application.
 */
export function tellIssue(sql: Sql, id: JobId, outcome: Outcome): void {
  if (!isVerdict(outcome)) return;
  const row = sql.get<{ body: string; branch: string | null }>('SELECT body, branch FROM jobs WHERE id = ?', id);
  if (row?.branch === undefined || row.branch === null) return;
  const job = JSON.parse(row.body) as Job;
  if (job.reportsIssue !== true) return;
  const isPassed = outcome.kind === 'passed';
  const key = [job.subject.forge, job.subject.repo, row.branch, job.context] as const;
  if (isPassed) {
    sql.run(
      `UPDATE issues SET job_id = ?, body = ?, outcome = ?, is_open = 0, failures = 0, version = version + 1, tries = 0, next_try_at = 0
       WHERE is_open = 1 AND forge = ? AND repo = ? AND branch = ? AND context = ?`,
      id,
      row.body,
      JSON.stringify(outcome),
      ...key,
    );
    return;
  }
  sql.run(
    `INSERT INTO issues (forge, repo, branch, context, job_id, body, outcome, is_open, failures, version)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, 1)
     ON CONFLICT (forge, repo, branch, context) DO UPDATE SET job_id = ?5, body = ?6, outcome = ?7, is_open = 1,
       failures = failures + 1, version = version + 1, tries = 0, next_try_at = 0`,
    ...key,
    id,
    row.body,
    JSON.stringify(outcome),
  );
}

/** Longest waiting first. */
export function dueIssues(sql: Sql, now: number, limit: number): readonly IssueDue[] {
  interface Row {
    readonly forge: string;
    readonly repo: string;
    readonly branch: string;
    readonly context: string;
    readonly version: number;
    readonly tries: number;
    readonly is_open: number;
    readonly failures: number;
    readonly body: string;
    readonly outcome: string;
  }
  return sql
    .all<Row>(
      `SELECT forge, repo, branch, context, version, tries, is_open, failures, body, outcome FROM issues
       WHERE kept_version < version AND ${isDue('next_try_at', 1)} ORDER BY next_try_at LIMIT +?2`,
      now,
      limit,
    )
    .map(({ is_open, body, outcome, ...row }) => ({
      ...row,
      isOpen: is_open === 1,
      job: JSON.parse(body) as Job,
      outcome: JSON.parse(outcome) as Outcome,
    }));
}

/** Acknowledges the version that the forge shows; what changed meanwhile stays due. */
export function issueKept(sql: Sql, { forge, repo, branch, context, version }: IssueDue): void {
  sql.run(
    `UPDATE issues SET kept_version = MAX(kept_version, ?), tries = 0
     WHERE forge = ? AND repo = ? AND branch = ? AND context = ?`,
    version,
    forge,
    repo,
    branch,
    context,
  );
}

/** Comes back later. */
export function issueFailed(sql: Sql, issue: IssueDue, nextTryAt: number): void {
  sql.run(
    `UPDATE issues SET tries = tries + 1, next_try_at = ?
     WHERE forge = ? AND repo = ? AND branch = ? AND context = ? AND version = ?`,
    nextTryAt,
    issue.forge,
    issue.repo,
    issue.branch,
    issue.context,
    issue.version,
  );
}
