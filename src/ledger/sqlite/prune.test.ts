import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, decide, enqueue, shaOf } from '../../../test/support/ledger-world.ts';
import { openDatabase } from '../../base/sqlite.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

test('what ever was is still counted after it was forgotten, and no number is given twice', async () => {
  const database = openDatabase({ path: ':memory:' });
  try {
    const ledger = openSqliteLedger(database);
    const reader = openSqliteLedgerReader(database);
    const event = { kind: 'change', forge: 'git', repo: 'demo', changeKey: 'git|demo|branch/main', sha: null } as const;
    for (const digit of ['1', '2', '3']) {
      const job = anOrder({ sha: shaOf(digit) });
      await enqueue(ledger, job);
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'person', by: 'ada' }]);
      await ledger.recordDelivery({ id: digit, event, receivedAt: 1, traceId: 'trace' });
      await ledger.endDelivery(digit, { kind: 'handled' }, 1);
    }
    await decide(ledger, anOrder(), [], { change: { isOpen: false, version: 2 } });
    for (const report of await ledger.dueReports(9_000, 9)) {
      await ledger.reportPosted(report, { state: 'error', sentence: 'Canceled', path: '/' }, 1);
    }
    const { runs } = await ledger.forgettableRuns(9_000, null, 9);
    const ids = runs.map(({ job, generation }) => ({ jobId: job.id, generation }));
    assert.equal(await ledger.forgetRuns(ids, 9_000), 2);
    while ((await ledger.forgetTraces(9_000, 9)) > 0);
    const { ended, deliveries } = await reader.counts();
    assert.deepEqual({ ended, deliveries }, { ended: 3, deliveries: 3 });
    assert.equal((await reader.listRuns({ limit: 9 })).runs.length, 1);
    await enqueue(ledger, anOrder({ sha: shaOf('4'), pull: 1 }));
    const seqs = database.read((sql) => sql.all<{ seq: number }>('SELECT seq FROM jobs ORDER BY seq'));
    assert.deepEqual(
      seqs.map(({ seq }) => seq),
      [3, 4],
    );
  } finally {
    await database.close();
  }
});
