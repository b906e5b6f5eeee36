import type { Sql } from '../../base/sqlite.ts';
import type { AttemptKey } from '../../core/attempt.ts';
import type { Job, JobId } from '../../core/job.ts';
import type { Outcome } from '../../core/outcome.ts';
import { tellIssue } from './issues.ts';

/** The columns of a job that transitions look at. */
export interface JobRow {
  readonly id: JobId;
  readonly generation: number;
  readonly state: 'waiting' | 'offered' | 'running' | 'ended';
  readonly n: number;
  readonly is_exclusive: number;
  readonly outcome: string | null;
}

/** The columns of a holding that transitions look at. */
export interface HoldingRow {
  readonly nonce: string;
  readonly state: 'offered' | 'live' | 'ended';
  readonly worker: string;
  readonly is_owner: number;
  readonly queue: string;
}

export function jobRow(sql: Sql, id: JobId): JobRow | undefined {
  return sql.get<JobRow>('SELECT id, generation, state, n, is_exclusive, outcome FROM jobs WHERE id = ?', id);
}

/** All holdings of one attempt; the one without a nonce is the unclaimed offer. */
export function holdingRows(sql: Sql, { jobId, generation, n }: AttemptKey): readonly HoldingRow[] {
  return sql.all<HoldingRow>(
    'SELECT nonce, state, worker, is_owner, queue FROM attempts WHERE job_id = ? AND generation = ? AND n = ?',
    jobId,
    generation,
    n,
  );
}

export function outcomeOf(json: string | null): Outcome | null {
  return json === null ? null : (JSON.parse(json) as Outcome);
}

export function jobOf(json: string): Job {
  return JSON.parse(json) as Job;
}

/** The job's standing changed: whoever shows it has to say it anew. Only the job with the word is shown (R4). */
export function standingChanged(sql: Sql, id: JobId): void {
  sql.run(
    `UPDATE reports SET version = version + 1, tries = 0, next_try_at = 0,
       is_final = (SELECT state = 'ended' FROM jobs WHERE id = ?1)
     WHERE job_id = ?1`,
    id,
  );
}

/** Ends a job for good (for this generation). */
export function endJob(sql: Sql, id: JobId, outcome: Outcome, now: number): void {
  sql.run(`UPDATE jobs SET state = 'ended', outcome = ?, ended_at = ? WHERE id = ?`, JSON.stringify(outcome), now, id);
  // An offer that nobody claimed yet has no end of its own to tell of.
  sql.run(`DELETE FROM attempts WHERE job_id = ? AND state = 'offered'`, id);
  standingChanged(sql, id);
  tellIssue(sql, id, outcome, now);
}

/** Back to waiting, for the next number. */
export function letWait(sql: Sql, id: JobId, notBefore: number): void {
  sql.run(`UPDATE jobs SET state = 'waiting', not_before = ? WHERE id = ?`, notBefore, id);
  standingChanged(sql, id);
}
