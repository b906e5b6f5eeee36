import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, enqueue } from '../../../test/support/ledger-world.ts';
import { openDatabase, type Database, type Sql } from '../../base/sqlite.ts';
import { ledgerClauses } from '../ledger.contract.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

/** Tables that grow for ever. What is read of the others (workers, meta, what cannot be granted now, the days of deliveries, of which so many are kept) is small. */
const growing = /\b(jobs|attempts|deliveries|reports|changes|approvals|requests_done|chores|issues|foreign_statuses)\b/;

/** Partial indexes over what is unfinished, and one over what is bounded (10,000 parked messages): reading one whole is the question itself. */
const ofUnfinished =
  /USING (?:COVERING )?INDEX (?:deliveries_pending|deliveries_parked|changes_held|jobs_lane|jobs_backoff|jobs_underway|attempts_offered|attempts_live|reports_due|reports_refused|chores_due|issues_due|parked_bytes)\b/;

test('no statement of the ledger scans or sorts what grows for ever', async () => {
  const statements = await recordStatements();
  assert.ok(statements.size > 60, `${statements.size} statements were seen`);
  const database = openDatabase({ path: ':memory:' });
  try {
    openSqliteLedger(database);
    const bad: string[] = [];
    for (const text of statements) {
      const plan = database
        .read((sql) => sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`))
        .map((row) => row.detail);
      const faults = plan.filter((step) => isScan(step) || (step.includes('TEMP B-TREE') && !isSmallSort(plan)));
      if (faults.length > 0) bad.push([text, ...plan].join('\n    '));
    }
    assert.deepEqual(bad, []);
  } finally {
    await database.close();
  }
});

/** Tables under another name are named so in the statement; SQLite tells the alias. */
function isScan(step: string): boolean {
  return (
    step.startsWith('SCAN ') &&
    !ofUnfinished.test(step) &&
    !/^SCAN (workers|meta|grant_obstacles|schedules|delivery_days|lane|l|due|told|ranked|r|w VIRTUAL TABLE|CONSTANT ROW|\(|\d)/.test(
      step,
    )
  );
}

/** Sorting what is bounded: the attempts of one job, what is offered or running; or what waits to be told, when the order is the question. */
function isSmallSort(plan: readonly string[]): boolean {
  const from = plan.filter((step) => growing.test(step) || /^(SEARCH|SCAN) [aj] /.test(step));
  return from.every((step) =>
    /reports_due|reports_refused|chores_due|issues_due|jobs_underway|attempts_offered|attempts_live|job_id=\?|workers|USING INDEX sqlite_autoindex_jobs_1 \(id=\?\)/.test(
      step,
    ),
  );
}

/** Every statement that the contract makes a ledger run, and those of a reader. */
async function recordStatements(): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (const { check } of ledgerClauses) {
    const database = openDatabase({ path: ':memory:' });
    try {
      const recorded = recording(database, seen);
      const ledger = openSqliteLedger(recorded);
      const reader = openSqliteLedgerReader(recorded);
      await check({ ledger, reader, reopen: async () => openSqliteLedger(recorded), close: async () => undefined });
      await readAll(recorded);
    } finally {
      await database.close();
    }
  }
  return seen;
}

async function readAll(database: Database): Promise<void> {
  const reader = openSqliteLedgerReader(database);
  const [job, other] = [anOrder({ context: 'one' }), anOrder({ repo: 'other', context: 'two' })];
  const ledger = openSqliteLedger(database);
  for (const each of [job, other]) await enqueue(ledger, each);
  for (const state of [undefined, 'waiting', 'running', 'ended'] as const) {
    for (const repo of [undefined, 'demo']) {
      await reader.listRuns({
        limit: 2,
        ...(state === undefined ? {} : { state }),
        ...(repo === undefined ? {} : { repo }),
      });
    }
  }
  await reader.run(job.id);
  await reader.position(job.id);
  await reader.position(other.id);
  await reader.held();
  await reader.workers();
  await reader.counts();
}

function recording(database: Database, seen: Set<string>): Database {
  const wrap = (sql: Sql): Sql => ({
    run: (text, ...params) => sql.run(note(text), ...params),
    get: (text, ...params) => sql.get(note(text), ...params),
    all: (text, ...params) => sql.all(note(text), ...params),
  });
  const note = (text: string): string => {
    seen.add(text);
    return text;
  };
  return {
    change: (work) => database.change((sql) => work(wrap(sql))),
    read: (work) => database.read((sql) => work(wrap(sql))),
    migrate: (room, steps) => {
      database.migrate(room, steps);
    },
    get commits() {
      return database.commits;
    },
    path: database.path,
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  };
}
