import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../base/sqlite.ts';
import { anOrder, enqueue } from '../../../test/support/ledger-world.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

test('a waiting run shows what it is held back for: its own repository, that of its tests, or the store', async (context) => {
  const database = openDatabase({ path: ':memory:' });
  context.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const reader = openSqliteLedgerReader(database);
  const job = anOrder();
  await enqueue(ledger, job);
  const seen = async (): Promise<unknown> => (await reader.run(job.id))?.summary.obstacle;
  assert.equal(await seen(), null);
  const { forge, repo } = job.subject;
  const own = { of: 'fetch', forge, repo, why: '401' } as const;
  await ledger.keepObstacles([own, { ...own, repo: 'another' }]);
  assert.deepEqual(await seen(), own);
  assert.equal((await reader.counts()).grantObstacles, 2);
  await ledger.keepObstacles([{ ...own, repo: 'another' }]);
  assert.equal(await seen(), null);
  await ledger.keepObstacles([{ of: 'store', why: 'away' }]);
  assert.deepEqual(await seen(), { of: 'store', why: 'away' });
  await ledger.keepObstacles([]);
  assert.deepEqual([await seen(), (await reader.counts()).grantObstacles], [null, 0]);
});
