import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** What the ledger has to do still. */
export interface Backlog {
  readonly jobs: number;
  readonly jobsOpen: number;
  readonly deliveriesPending: number;
  readonly reportsDue: number;
  readonly logsUnsealed: number;
}

/** Looks into the server's ledger past everything of ours, whether a server lives or not. */
export interface LedgerView {
  backlog(): Backlog;
  /** Whether a job of that commit and context has a verdict. */
  isJudged(sha: string, context: string): boolean;
  /** Contexts of that commit that have a job. */
  contextsOf(sha: string): readonly string[];
  /** When each worker was heard last, by name (epoch ms, the server's clock). */
  heard(): ReadonlyMap<string, number>;
  /** When jobs ended, oldest first. */
  ends(): readonly number[];
}

const verdicts = `'passed', 'failed', 'timed-out'`;

export function createLedgerView(file: string): LedgerView {
  const all = (sql: string, ...params: readonly string[]): readonly Record<string, unknown>[] => {
    if (!existsSync(file)) return [];
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      database.exec('PRAGMA busy_timeout = 5000');
      return database.prepare(sql).all(...params);
    } finally {
      database.close();
    }
  };
  return {
    backlog() {
      const [row = {}] = all(`SELECT
        (SELECT count(*) FROM jobs) AS jobs,
        (SELECT count(*) FROM jobs WHERE state <> 'ended') AS jobsOpen,
        (SELECT count(*) FROM deliveries WHERE state = 'pending') AS deliveriesPending,
        (SELECT count(*) FROM reports WHERE posted_version < version) AS reportsDue,
        (SELECT count(*) FROM attempts WHERE is_accepted = 1 AND log_sha256 IS NULL) AS logsUnsealed`);
      const count = (name: keyof Backlog): number => Number(row[name] ?? 0);
      return {
        jobs: count('jobs'),
        jobsOpen: count('jobsOpen'),
        deliveriesPending: count('deliveriesPending'),
        reportsDue: count('reportsDue'),
        logsUnsealed: count('logsUnsealed'),
      };
    },
    isJudged: (sha, context) =>
      all(
        `SELECT 1 FROM jobs WHERE sha = ? AND context = ? AND json_extract(outcome, '$.kind') IN (${verdicts})`,
        sha,
        context,
      ).length > 0,
    contextsOf: (sha) =>
      all('SELECT DISTINCT context FROM jobs WHERE sha = ?', sha).map((row) => String(row['context'])),
    heard: () =>
      new Map(
        all('SELECT worker, last_heard_at FROM workers').map((row) => [
          String(row['worker']),
          Number(row['last_heard_at']),
        ]),
      ),
    ends: () =>
      all('SELECT ended_at FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at').map((row) =>
        Number(row['ended_at']),
      ),
  };
}
