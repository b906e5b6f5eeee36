import type { Sql } from '../../base/sqlite.ts';
import type { Notice } from '../../core/action.ts';
import type { Change } from '../../core/change.ts';
import type { JobId } from '../../core/job.ts';
import type { Phase } from '../../core/outcome.ts';
import type { WorkerOffer, WorkerStanding } from '../../core/worker-message.ts';
import type { HeldChange, LedgerReader, WorkerRun, WorkerSeen, WorkerWish } from '../ledger-reader.ts';
import { countObstacles } from './obstacles.ts';
import { droppedMessages } from './parked-messages.ts';

/** Changes that wait for a person or had nothing to run, the latest first. */
export function heldChanges(sql: Sql): readonly HeldChange[] {
  return sql
    .all<{ body: string; notice: string; since: number }>(
      'SELECT body, notice, COALESCE(notice_since, 0) AS since FROM changes WHERE notice IS NOT NULL',
    )
    .map(({ body, notice, since }) => {
      const { kind, sentence } = JSON.parse(notice) as Notice;
      return { change: JSON.parse(body) as Change, kind, sentence, since };
    })
    .sort((a, b) => b.since - a.since);
}

interface RunRow {
  readonly worker: string;
  readonly job_id: JobId;
  readonly repo: string;
  readonly context: string;
  readonly phase: Phase | null;
  readonly claimed_at: number | null;
}

interface WorkerRow {
  readonly worker: string;
  readonly offer: string;
  readonly last_heard_at: number;
  readonly has_left: number;
  readonly since: number | null;
  readonly standing: string | null;
  readonly wish: WorkerWish;
  readonly wish_by: string | null;
}

const takesJobs: WorkerStanding = { takesJobs: true, isPaused: false, why: null };

/** By name. One that said good-bye before it ever said what it offers is not listed. */
export function workersSeen(sql: Sql): readonly WorkerSeen[] {
  const running = new Map<string, WorkerRun[]>();
  const rows = sql.all<RunRow>(
    `SELECT a.worker, a.job_id, j.repo, j.context, a.phase, a.claimed_at FROM attempts a JOIN jobs j ON j.id = a.job_id
     WHERE a.state = 'live' ORDER BY a.claimed_at`,
  );
  for (const { worker, job_id, repo, context, phase, claimed_at } of rows) {
    const run = { jobId: job_id, repo, context, phase, since: claimed_at };
    const known = running.get(worker);
    if (known === undefined) running.set(worker, [run]);
    else known.push(run);
  }
  return sql
    .all<WorkerRow>(
      `SELECT worker, offer, last_heard_at, has_left, since, standing, wish, wish_by FROM workers WHERE offer <> '{}' ORDER BY worker`,
    )
    .map((row) => ({
      ...(JSON.parse(row.offer) as WorkerOffer),
      worker: row.worker,
      since: row.since,
      lastHeardAt: row.last_heard_at,
      hasLeft: row.has_left === 1,
      running: running.get(row.worker)?.length ?? 0,
      runs: running.get(row.worker) ?? [],
      standing: row.standing === null ? takesJobs : (JSON.parse(row.standing) as WorkerStanding),
      wish: row.wish,
      wishBy: row.wish_by,
    }));
}

/**
 * See `LedgerReader.counts`; `deliveries` and `ended` count all that ever were. Only what is unfinished is counted row by
 * row: rows are numbered without gaps, so the newest number tells how many there are.
 */
export function readCounts(sql: Sql): Awaited<ReturnType<LedgerReader['counts']>> {
  const number = (statement: string): number => sql.get<{ n: number | null }>(statement)?.n ?? 0;
  const underway = new Map(
    sql
      .all<{ state: string; n: number }>(
        `SELECT state, COUNT(*) AS n FROM jobs WHERE state IN ('offered', 'running') GROUP BY state`,
      )
      .map(({ state, n }) => [state, n]),
  );
  const waiting = number(`SELECT COUNT(*) AS n FROM jobs WHERE state = 'waiting'`);
  const [offered, running] = [underway.get('offered') ?? 0, underway.get('running') ?? 0];
  return {
    waiting,
    offered,
    running,
    ended: number('SELECT MAX(seq) AS n FROM jobs') - waiting - offered - running,
    deliveries: number('SELECT MAX(seq) AS n FROM deliveries'),
    deliveriesPending: number(`SELECT COUNT(*) AS n FROM deliveries WHERE state = 'pending'`),
    deliveriesParked: number(`SELECT COUNT(*) AS n FROM deliveries WHERE state = 'parked'`),
    reportsDue: number(
      'SELECT COUNT(*) AS n FROM reports WHERE posted_version < version AND refused_version < version',
    ),
    messagesParked: number('SELECT COUNT(*) AS n FROM parked_messages'),
    messagesDropped: droppedMessages(sql),
    grantObstacles: countObstacles(sql),
    reportsRefused: number(
      'SELECT COUNT(*) AS n FROM reports WHERE posted_version < version AND refused_version >= version',
    ),
  };
}
