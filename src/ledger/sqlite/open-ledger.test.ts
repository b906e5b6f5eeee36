import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTempDir, removeTempDir } from '../../../test/support/temp-dir.ts';
import { openDatabase } from '../../base/sqlite.ts';
import type { LedgerHarness } from '../harness.contract.ts';
import { testLedgerContract } from '../ledger.contract.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

/** A ledger in a file; `reopen` is a second handle on it, as another process would have. */
async function openHarness(): Promise<LedgerHarness> {
  const dir = await openTempDir();
  const open = () => openDatabase({ path: join(dir, 'ledger.sqlite') });
  const databases = [open()];
  const [database] = databases;
  assert.ok(database);
  return {
    ledger: openSqliteLedger(database),
    reader: openSqliteLedgerReader(database),
    async reopen() {
      const again = open();
      databases.push(again);
      return openSqliteLedger(again);
    },
    async close() {
      for (const each of databases) await each.close();
      await removeTempDir(dir);
    },
  };
}

testLedgerContract('sqlite', openHarness);

test('a call after the database was closed is refused and has changed nothing', async () => {
  const database = openDatabase({ path: ':memory:' });
  const ledger = openSqliteLedger(database);
  await ledger.close();
  assert.equal(await ledger.isFresh(), true, 'closing the ledger leaves the database open');
  await database.close();
  await assert.rejects(ledger.begin(1), { code: 'sqlite/closed' });
  await assert.rejects(ledger.isFresh(), { code: 'sqlite/closed' });
});
