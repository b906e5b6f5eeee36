import type { Sql } from '../../base/sqlite.ts';
import type { JobId } from '../../core/job.ts';
import type { Phase } from '../../core/outcome.ts';
import type { RunSummary } from '../ledger-reader.ts';
import { outcomeOf } from './job-row.ts';
import { obstacleOf } from './obstacles.ts';

/** What a summary is made of. */
export interface SummaryRow {
  readonly seq: number;
  readonly id: JobId;
  readonly generation: number;
  readonly state: RunSummary['state'];
  readonly n: number;
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly pull: number | null;
  readonly branch: string | null;
  readonly title: string;
  readonly context: string;
  readonly occasion: string;
  readonly priority: number;
  readonly pool: string;
  readonly needs: string;
  readonly queued_at: number;
  readonly not_before: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly outcome: string | null;
  readonly policy_version: string | null;
  readonly tests_forge: string | null;
  readonly tests_repo: string | null;
}

/** The columns of `SummaryRow`, to stand after SELECT. */
export const summaryColumns = `seq, id, generation, state, n, forge, repo, sha, pull, branch, title, context, occasion, priority, pool,
  json_extract(body, '$.needs') AS needs, queued_at, not_before, started_at, ended_at, outcome, policy_version,
  json_extract(body, '$.commandSubject.forge') AS tests_forge, json_extract(body, '$.commandSubject.repo') AS tests_repo`;

interface HolderRow {
  readonly worker: string;
  readonly phase: Phase | null;
  readonly state: string;
  readonly is_owner: number;
  readonly is_accepted: number;
}

/** A run as lists show it. */
export function summaryOf(sql: Sql, row: SummaryRow): RunSummary {
  const holder = holderOf(sql, row);
  return {
    jobId: row.id,
    generation: row.generation,
    state: row.state,
    phase: row.state === 'running' ? (holder?.phase ?? null) : null,
    outcome: outcomeOf(row.outcome),
    attempts: row.n,
    forge: row.forge,
    repo: row.repo,
    sha: row.sha,
    pull: row.pull,
    branch: row.branch,
    title: row.title,
    policyVersion: row.policy_version,
    context: row.context,
    occasion: row.occasion,
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    notBefore: row.not_before,
    pool: row.pool,
    needs: JSON.parse(row.needs) as string[],
    priority: row.priority,
    worker: holder?.worker ?? null,
    obstacle: obstacleOf(sql, row),
  };
}

/** Who runs it; of an ended one whose outcome it is, else who had it last. Nobody holds one that waits. */
function holderOf(sql: Sql, { id, generation, state }: SummaryRow): HolderRow | undefined {
  if (state === 'waiting' || state === 'offered') return undefined;
  const holders = sql
    .all<HolderRow>(
      'SELECT worker, phase, state, is_owner, is_accepted FROM attempts WHERE job_id = ? AND generation = ? ORDER BY n',
      id,
      generation,
    )
    .filter((row) => row.worker !== '');
  if (state === 'running') return holders.findLast((row) => row.state === 'live' && row.is_owner === 1);
  return (
    holders.find((row) => row.is_accepted === 1) ?? holders.findLast((row) => row.is_owner === 1) ?? holders.at(-1)
  );
}
