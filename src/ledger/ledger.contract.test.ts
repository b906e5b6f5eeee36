import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../base/sqlite.ts';
import { brokenClaim } from './broken-claim.contract.ts';
import { brokenDelivery } from './broken-delivery.contract.ts';
import { brokenIntake } from './broken-intake.contract.ts';
import { brokenIssue } from './broken-issue.contract.ts';
import { brokenPlace } from './broken-place.contract.ts';
import { brokenPrune } from './broken-prune.contract.ts';
import { brokenShadow } from './broken-shadow.contract.ts';
import { brokenTelling } from './broken-telling.contract.ts';
import { brokenVerdict } from './broken-verdict.contract.ts';
import type { Fault } from './broken.contract.ts';
import type { LedgerHarness } from './harness.contract.ts';
import { ledgerClauses } from './ledger.contract.ts';
import { openSqliteLedger } from './sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from './sqlite/reader.ts';

const brokenLedgers = [
  ...brokenIntake,
  ...brokenDelivery,
  ...brokenPlace,
  ...brokenClaim,
  ...brokenVerdict,
  ...brokenPrune,
  ...brokenTelling,
  ...brokenIssue,
  ...brokenShadow,
];

test('every clause of the contract has a broken ledger that it refuses', () => {
  const unseen = ledgerClauses.filter(({ title }) => !brokenLedgers.some(([clause]) => title.startsWith(clause)));
  assert.deepEqual(
    unseen.map(({ title }) => title),
    [],
  );
});

for (const [clause, what, fault] of brokenLedgers) {
  test(`the contract notices a ledger that ${what} (${clause})`, async () => {
    const matching = ledgerClauses.filter(({ title }) => title.startsWith(clause));
    const [only, ...others] = matching;
    assert.ok(only !== undefined && others.length === 0, `${clause}: names one clause`);
    await withHarness(() => ({}), only.check);
    await assert.rejects(withHarness(fault, only.check), assert.AssertionError);
  });
}

async function withHarness(fault: Fault, check: (harness: LedgerHarness) => Promise<void>): Promise<void> {
  const database = openDatabase({ path: ':memory:' });
  const sound = openSqliteLedger(database);
  const ledger = { ...sound, ...fault(sound, database) };
  try {
    await check({
      ledger,
      reader: openSqliteLedgerReader(database),
      reopen: async () => openSqliteLedger(database),
      close: async () => undefined,
    });
  } finally {
    await database.close();
  }
}
