import type { Database, Sql } from '../../base/sqlite.ts';
import type { LedgerReader } from '../ledger-reader.ts';
import { readApprovals } from './approvals.ts';
import { deliveryDays, deliveryTotals, parkedDeliveries } from './deliveries.ts';
import { shadowRows } from './foreign-statuses.ts';
import { parkedMessages } from './parked-messages.ts';
import { lastLook } from './places.ts';
import { readRun } from './read-run.ts';
import { listRuns } from './read-runs.ts';
import { shownAt } from './read-shown.ts';
import { heldChanges, readCounts, workersSeen } from './read-state.ts';
import { positionOf } from './read-waiting.ts';
import { refusedReports } from './reports.ts';
import { ledgerSteps } from './schema.ts';

/**
 * Reads a SQLite ledger, each answer from one snapshot. `database` may be a read-only handle on a file that another process
 * writes: then its tables must have this version already. Closing the reader leaves the database to whoever opened it.
 * @throws GroundcrewError `sqlite/too-old`, UsageError `sqlite/too-new`
 */
export function openSqliteLedgerReader(database: Database): LedgerReader {
  database.migrate('ledger', ledgerSteps);
  const answer = async <T>(work: (sql: Sql) => T): Promise<T> => database.read(work);
  return {
    listRuns: (filter) => answer((sql) => listRuns(sql, filter)),
    run: (idOrPrefix) => answer((sql) => readRun(sql, idOrPrefix)),
    held: () => answer(heldChanges),
    placeSeen: (changeKey) => answer((sql) => lastLook(sql, changeKey)?.change ?? null),
    shownAt: (commit) => answer((sql) => shownAt(sql, commit)),
    workers: () => answer(workersSeen),
    parkedMessages: (limit) => answer((sql) => parkedMessages(sql, limit)),
    counts: () => answer(readCounts),
    approvals: (repo, limit) => answer((sql) => readApprovals(sql, repo, limit)),
    deliveryDays: (days, now) => answer((sql) => deliveryDays(sql, days, now)),
    deliveryTotals: () => answer(deliveryTotals),
    parkedDeliveries: (limit) => answer((sql) => parkedDeliveries(sql, limit)),
    refusedReports: (limit) => answer((sql) => refusedReports(sql, limit)),
    shadowRows: (since, limit) => answer((sql) => shadowRows(sql, since, limit)),
    position: (jobId) => answer((sql) => positionOf(sql, jobId)),
    close: async () => undefined,
  };
}
