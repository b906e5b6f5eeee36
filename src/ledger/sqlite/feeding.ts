import type { Sql } from '../../base/sqlite.ts';
import type { Job, JobId } from '../../core/job.ts';
import { agePerPriorityMs, feedOrder, type FeedItem } from '../../decide/feed-order.ts';
import { isDue } from './clock-step.ts';
import type { FeedCandidate, FeedView, OfferedAttempt } from '../ledger.ts';
import { jobOf, jobRow, standingChanged } from './job-row.ts';

interface WaitingRow {
  readonly id: JobId;
  readonly generation: number;
  readonly n: number;
  readonly class: string;
  readonly project: string;
  readonly priority: number;
  readonly queued_at: number;
  readonly base_sha: string | null;
  readonly body: string;
  readonly trace_id: string;
}

// In two steps: for `(class, project) > (…)` SQLite would use the class alone, and walk through all that waits in it.
/** Every (class, project) in which something waits: one index step each, however long the queues are. */
const lanesSql = `
  WITH RECURSIVE lane (class, project) AS (
    SELECT * FROM (SELECT class, project FROM jobs WHERE state = 'waiting' ORDER BY class, project LIMIT 1)
    UNION ALL
    SELECT j.class, j.project FROM lane l JOIN jobs j ON j.seq = COALESCE(
      (SELECT seq FROM jobs WHERE state = 'waiting' AND class = l.class AND project > l.project ORDER BY project LIMIT 1),
      (SELECT seq FROM jobs WHERE state = 'waiting' AND class > l.class ORDER BY class, project LIMIT 1))
  )
  SELECT class, project FROM lane`;

/** A (class, project) in which something waits. */
export interface Lane {
  readonly class: string;
  readonly project: string;
}

export function waitingLanes(sql: Sql): readonly Lane[] {
  return sql.all<Lane>(lanesSql);
}

/** A waiting job as the index shows it. */
interface IndexedJob extends FeedItem {
  readonly seq: number;
  readonly class: string;
}

const indexedSql = `
  SELECT seq, urgent_at, queued_at FROM jobs WHERE state = 'waiting' AND class = ?1 AND project = ?2 AND ${isDue('not_before', 3)}
  ORDER BY urgent_at, queued_at, seq LIMIT +?4`;

const nothingWaits: FeedView = { candidates: [], underway: new Map(), offered: new Map(), nextAt: null };

/** See `Ledger.feedView`. Orders by index entries alone: to read every job that might be next would take most of the time. */
export function feedView(sql: Sql, now: number, perClass: number): FeedView {
  const lanes = waitingLanes(sql);
  if (lanes.length === 0) return nothingWaits;
  const indexed = lanes.flatMap((lane): IndexedJob[] =>
    sql
      .all<{ seq: number; urgent_at: number; queued_at: number }>(indexedSql, lane.class, lane.project, now, perClass)
      .map((row) => ({
        seq: row.seq,
        class: lane.class,
        project: lane.project,
        queuedAt: row.queued_at,
        priority: priorityOf(row),
      })),
  );
  const underway = underwayByProject(sql);
  const rows = firstOfEach(feedOrder(indexed, underway, now), perClass).flatMap(
    ({ seq }) =>
      sql.get<WaitingRow>(
        'SELECT id, generation, n, class, project, priority, queued_at, base_sha, body, trace_id FROM jobs WHERE seq = ?',
        seq,
      ) ?? [],
  );
  const offered = sql.all<{ queue: string; attempts: number }>(
    `SELECT queue, COUNT(*) AS attempts FROM attempts WHERE state = 'offered' GROUP BY queue`,
  );
  const next = sql.get<{ at: number | null }>(
    `SELECT MIN(not_before) AS at FROM jobs WHERE state = 'waiting' AND not_before > ?`,
    now,
  );
  return {
    candidates: rows.map((row) => candidateOf(sql, row)),
    underway,
    offered: new Map(offered.map((row) => [row.queue, row.attempts])),
    nextAt: next?.at ?? null,
  };
}

/** Of each class so many, and of each project at least one: what cannot be fed just now must not hide the others. */
function firstOfEach(ordered: readonly IndexedJob[], perClass: number): readonly IndexedJob[] {
  const taken = new Map<string, number>();
  return ordered.filter((job) => {
    const lane = `${job.class} ${job.project}`;
    const [ofClass, ofLane] = [taken.get(job.class) ?? 0, taken.get(lane) ?? 0];
    if (ofClass >= perClass && ofLane > 0) return false;
    taken.set(job.class, ofClass + 1);
    taken.set(lane, ofLane + 1);
    return true;
  });
}

/** The priority that `urgent_at` was made of, which no index holds by itself. */
export function priorityOf(row: { readonly urgent_at: number; readonly queued_at: number }): number {
  return (row.queued_at - row.urgent_at) / agePerPriorityMs;
}

/** Jobs offered or running, by project. */
export function underwayByProject(sql: Sql): ReadonlyMap<string, number> {
  return new Map(
    sql
      .all<{ project: string; jobs: number }>(
        `SELECT project, COUNT(*) AS jobs FROM jobs WHERE state IN ('offered', 'running') GROUP BY project`,
      )
      .map((row) => [row.project, row.jobs]),
  );
}

function candidateOf(sql: Sql, row: WaitingRow): FeedCandidate {
  let job: Job | null = null;
  return {
    // Mostly there is room for a few of them, and the others are not even read.
    get job() {
      return (job ??= jobOf(row.body));
    },
    generation: row.generation,
    baseSha: row.base_sha,
    class: row.class,
    project: row.project,
    priority: row.priority,
    queuedAt: row.queued_at,
    traceId: row.trace_id,
    avoid: row.n === 0 ? [] : failedWorkers(sql, row.id, row.generation),
  };
}

function failedWorkers(sql: Sql, id: JobId, generation: number): readonly string[] {
  return sql
    .all<{ worker: string }>(
      `SELECT DISTINCT worker FROM attempts WHERE job_id = ? AND generation = ? AND state = 'ended' AND worker <> ''`,
      id,
      generation,
    )
    .map((row) => row.worker);
}

/** R1: the number is ours before the message exists. Null when the job does not wait in this generation any more. */
export function createAttempt(
  sql: Sql,
  offer: {
    readonly jobId: JobId;
    readonly generation: number;
    readonly queue: string;
    readonly baseSha: string | null;
    readonly now: number;
  },
): number | null {
  const job = jobRow(sql, offer.jobId);
  if (job?.state !== 'waiting' || job.generation !== offer.generation) return null;
  const n = job.n + 1;
  sql.run(
    `UPDATE jobs SET state = 'offered', n = ?, base_sha = COALESCE(base_sha, ?) WHERE id = ?`,
    n,
    offer.baseSha,
    offer.jobId,
  );
  sql.run(
    `INSERT INTO attempts (job_id, generation, n, nonce, state, queue, base_sha, offered_at) VALUES (?, ?, ?, '', 'offered', ?, ?, ?)`,
    offer.jobId,
    offer.generation,
    n,
    offer.queue,
    offer.baseSha,
    offer.now,
  );
  standingChanged(sql, offer.jobId);
  return n;
}

/** Oldest first; of one queue, or all. */
export function offeredAttempts(sql: Sql, queue: string | null): readonly OfferedAttempt[] {
  interface Row {
    job_id: JobId;
    generation: number;
    n: number;
    queue: string;
    offered_at: number;
    body: string;
    base_sha: string | null;
    trace_id: string;
  }
  return sql
    .all<Row>(
      `SELECT a.job_id, a.generation, a.n, a.queue, a.offered_at, j.body, j.base_sha, j.trace_id
       FROM attempts a JOIN jobs j ON j.id = a.job_id
       WHERE a.state = 'offered' AND (?1 IS NULL OR a.queue = ?1) ORDER BY a.offered_at`,
      queue,
    )
    .map((row) => ({
      jobId: row.job_id,
      generation: row.generation,
      n: row.n,
      queue: row.queue,
      offeredAt: row.offered_at,
      job: jobOf(row.body),
      baseSha: row.base_sha,
      avoid: row.n === 1 ? [] : failedWorkers(sql, row.job_id, row.generation),
      traceId: row.trace_id,
    }));
}
