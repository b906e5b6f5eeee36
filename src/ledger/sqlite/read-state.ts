import type { Sql } from '../../base/sqlite.ts';
import type { Notice } from '../../core/action.ts';
import type { Change } from '../../core/change.ts';
import type { WorkerOffer } from '../../core/worker-message.ts';
import type { HeldChange, LedgerReader, WorkerSeen } from '../ledger-reader.ts';

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

/** By name. One that said good-bye before it ever said what it offers is not listed. */
export function workersSeen(sql: Sql): readonly WorkerSeen[] {
  const running = new Map(
    sql
      .all<{ worker: string; jobs: number }>(
        `SELECT worker, COUNT(*) AS jobs FROM attempts WHERE state = 'live' GROUP BY worker`,
      )
      .map((row) => [row.worker, row.jobs]),
  );
  return sql
    .all<{ worker: string; offer: string; last_heard_at: number; has_left: number }>(
      `SELECT worker, offer, last_heard_at, has_left FROM workers WHERE offer <> '{}' ORDER BY worker`,
    )
    .map((row) => ({
      ...(JSON.parse(row.offer) as WorkerOffer),
      worker: row.worker,
      lastHeardAt: row.last_heard_at,
      hasLeft: row.has_left === 1,
      running: running.get(row.worker) ?? 0,
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
    reportsRefused: number(
      'SELECT COUNT(*) AS n FROM reports WHERE posted_version < version AND refused_version >= version',
    ),
  };
}
