import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import { anOrder, enqueue, FakeWorker, offer } from '../../../test/support/ledger-world.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { openDatabase } from '../../base/sqlite.ts';
import { openSqliteLedger } from '../../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../../ledger/sqlite/reader.ts';
import { logLayout } from '../../logs/log-layout.ts';
import { readLog } from '../../logs/log-reader.ts';
import { createDirectoryStore } from '../../storage/directory/directory-store.ts';
import type { Wiring } from '../wiring.ts';

test('lists and logs read the real ledger and store, while the server writes and when it is down', async (context) => {
  const dir = await tempDir(context);
  const path = join(dir, 'ledger.sqlite');
  const database = openDatabase({ path });
  context.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const store = await createDirectoryStore({ root: join(dir, 'store'), clock: systemClock });
  const wiring: Partial<Wiring> = {
    openReader: async () => {
      const reading = openDatabase({ path, isReadOnly: true });
      const reader = openSqliteLedgerReader(reading);
      return { ...reader, close: () => reading.close() };
    },
    openLogs:
      async () =>
      ({ storePrefix, fromByte, follow }, signal) =>
        readLog({
          store,
          prefix: storePrefix,
          fromByte,
          clock: systemClock,
          pollMs: 20,
          signal: follow ? signal : AbortSignal.any([signal, AbortSignal.timeout(5000)]),
        }),
    words: { whyWaiting: () => 'no worker', standing: () => 'waiting' },
  };
  const cli = (...words: string[]): Promise<CliEnd> => runCliWith(words, { wiring });

  const worker = new FakeWorker('w1');
  const job = anOrder({ pull: 7 });
  await enqueue(ledger, job, { now: 1_000 });
  await enqueue(ledger, anOrder({ context: 'second', branch: 'main' }), { now: 2_000 });
  const holding = FakeWorker.holding(await offer(ledger, job), 'b');
  await ledger.claimed(worker.claimed(holding), true, 3_000);
  assert.match((await cli('runs', '--state', 'running')).out, / ● .* demo +#7 +test /);
  assert.match((await cli('queue')).out, /^1 .* demo +main +second .* no worker is here$/m);

  await ledger.finished(worker.finished(holding), true, 9_500);
  const run = await openSqliteLedgerReader(database).run(job.id);
  const prefix = run?.attempts[0]?.storePrefix ?? '';
  await store.put(
    logLayout.complete(prefix),
    { bytes: Buffer.from('ok 1\n') },
    { contentType: 'text/plain', visibility: 'private' },
  );
  await ledger.sealed(worker.sealed(holding, 5));
  assert.match((await cli('runs')).out, /✔ passed +demo +#7 .* 6s$/m);
  assert.deepEqual(await cli('logs', job.id.slice(0, 8)), { code: 0, out: 'ok 1\n', err: '' });
  assert.equal((await cli('logs', '-f', job.id.slice(0, 8))).out, 'ok 1\n');

  await database.close();
  assert.match((await cli('runs')).out, /✔ passed/);
});
