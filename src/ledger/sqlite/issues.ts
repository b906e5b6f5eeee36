import type { Sql } from '../../base/sqlite.ts';
import type { Job, JobId } from '../../core/job.ts';
import { isVerdict, type Outcome } from '../../core/outcome.ts';
import type { IssueDue } from '../report-due.ts';
import { isDue } from './clock-step.ts';

/** An open issue that says nothing new is brought up to date this long after the last time (ms); nightlies are not quite a day apart. */
const renewedAfterMs = 20 * 3_600_000;

/**
 * A job ended: if its check tells failures by an issue, this is what the issue should say now. The newest verdict counts, in
 * the order of application. A success closes what is open; the first one that this ledger sees also closes what an earlier
 * ledger may have opened. Not every failure after a failure is an edit: see `Ledger.dueIssues`.
 */
export function tellIssue(sql: Sql, id: JobId, outcome: Outcome, now: number): void {
  if (!isVerdict(outcome)) return;
  const row = sql.get<{ body: string; branch: string | null }>('SELECT body, branch FROM jobs WHERE id = ?', id);
  if (row?.branch === undefined || row.branch === null) return;
  const job = JSON.parse(row.body) as Job;
  if (job.reportsIssue !== true) return;
  const key = [job.subject.forge, job.subject.repo, row.branch, job.context] as const;
  const told = [id, row.body, JSON.stringify(outcome)] as const;
  if (outcome.kind === 'passed') {
    sql.run(
      `INSERT INTO issues (forge, repo, branch, context, job_id, body, outcome, is_open, failures, version)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 1)
       ON CONFLICT (forge, repo, branch, context) DO UPDATE SET job_id = ?5, body = ?6, outcome = ?7, is_open = 0, failures = 0,
         version = version + 1, tries = 0, next_try_at = 0 WHERE is_open = 1`,
      ...key,
      ...told,
    );
    return;
  }
  const isEdit = `(is_open = 0 OR outcome <> ?7 OR failures & (failures + 1) = 0 OR kept_at <= ?8 - ${String(renewedAfterMs)})`;
  sql.run(
    `INSERT INTO issues (forge, repo, branch, context, job_id, body, outcome, is_open, failures, failing_since, version)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, ?8, 1)
     ON CONFLICT (forge, repo, branch, context) DO UPDATE SET job_id = ?5, body = ?6, outcome = ?7, is_open = 1,
       failures = failures + 1, failing_since = CASE WHEN is_open = 1 THEN failing_since ELSE ?8 END,
       version = CASE WHEN ${isEdit} THEN version + 1 ELSE version END,
       tries = CASE WHEN ${isEdit} THEN 0 ELSE tries END,
       next_try_at = CASE WHEN ${isEdit} THEN 0 ELSE next_try_at END`,
    ...key,
    ...told,
    now,
  );
}

function dueStatement(ofForge: string): string {
  return `SELECT forge, repo, branch, context, version, tries, is_open, failures, failing_since, body, outcome FROM issues INDEXED BY issues_due
    WHERE kept_version < version AND ${isDue('next_try_at', 1)} ${ofForge} ORDER BY next_try_at LIMIT +?2`;
}

const [dueAnywhere, dueAtForge] = [dueStatement(''), dueStatement('AND forge = ?3')];

/** Longest waiting first. */
export function dueIssues(sql: Sql, now: number, limit: number, forge?: string): readonly IssueDue[] {
  interface Row {
    readonly forge: string;
    readonly repo: string;
    readonly branch: string;
    readonly context: string;
    readonly version: number;
    readonly tries: number;
    readonly is_open: number;
    readonly failures: number;
    readonly failing_since: number | null;
    readonly body: string;
    readonly outcome: string;
  }
  const rows =
    forge === undefined ? sql.all<Row>(dueAnywhere, now, limit) : sql.all<Row>(dueAtForge, now, limit, forge);
  return rows.map(({ is_open, failing_since, body, outcome, ...row }) => ({
    ...row,
    isOpen: is_open === 1,
    failingSince: failing_since,
    job: JSON.parse(body) as Job,
    outcome: JSON.parse(outcome) as Outcome,
  }));
}

/** Acknowledges the version that the forge shows; what changed meanwhile stays due. */
export function issueKept(sql: Sql, { forge, repo, branch, context, version }: IssueDue, now: number): void {
  sql.run(
    `UPDATE issues SET kept_version = MAX(kept_version, ?), kept_at = ?, tries = 0
     WHERE forge = ? AND repo = ? AND branch = ? AND context = ?`,
    version,
    now,
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
