import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { spokenForge } from '../../../test/support/intake-world.ts';
import { anOrder, enqueue, FakeWorker } from '../../../test/support/ledger-world.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { openDatabase } from '../../base/sqlite.ts';
import { collectorQueue } from '../../core/queue-plan.ts';
import { createDispatcher } from '../../dispatch/dispatcher.ts';
import type { Forge } from '../../forge/forge.ts';
import { openSqliteLedger } from '../../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../../ledger/sqlite/reader.ts';
import { openEmbeddedQueue } from '../../queue/embedded/embedded-queue.ts';
import { createAskWaiting } from '../../report/ask-waiting.ts';
import { grantSource } from './grant-source.ts';

test('a job whose token cannot be had waits here, says why, and goes with its first number when it can', async (context) => {
  const directory = await tempDir(context);
  const database = openDatabase({ path: join(directory, 'ledger.sqlite') });
  const place = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const queue = await openEmbeddedQueue({ database, directory, ...place });
  const ledger = openSqliteLedger(database);
  const reader = openSqliteLedgerReader(database);
  let isRefused = true;
  const forge: Forge = {
    ...spokenForge(),
    fetchGrant: () =>
      isRefused
        ? Promise.reject(new Error('GitHub answers 401: the key of the App is wrong'))
        : Promise.resolve({ username: 'u', password: 'p' }),
  };
  const forges = new Map([['git', forge]]);
  const noStore = { isGranting: false, grantBelow: () => Promise.resolve(null) };
  const life = new AbortController();
  const dispatcher = createDispatcher({
    ...{ ledger, queue, forges, ...place, grants: grantSource(forges, noStore, place) },
    ...{ signingKey: 'key', verifyKeys: ['key'], knownQueues: [], onChanged: () => undefined },
    ...{ recover: () => Promise.resolve(), readBack: () => Promise.resolve() },
  });
  const job = anOrder();
  await enqueue(ledger, job);
  await dispatcher.start(life.signal);
  const running = dispatcher.run(life.signal);
  context.after(async () => {
    life.abort();
    await running;
    await queue.close();
    await database.close();
  });
  await queue.publish(collectorQueue, { body: JSON.stringify(new FakeWorker('w').hello([], 1)) });
  const askWaiting = createAskWaiting(reader, systemClock);
  const why = 'no token to fetch demo can be had: GitHub answers 401: the key of the App is wrong';
  await until(async () => (await askWaiting(job.id))?.sentence === why, { what: 'the reason' });
  await until(() => dispatcher.presence.workersFor(job).length === 1, { what: 'a worker that could' });
  dispatcher.wake();
  const before = (await reader.run(job.id))?.summary;
  assert.deepEqual([before?.state, before?.attempts], ['waiting', 0], 'no number is lost');
  isRefused = false;
  await until(async () => (await reader.run(job.id))?.summary.state === 'offered', {
    what: 'the order',
    within: 20_000,
  });
  const after = (await reader.run(job.id))?.summary;
  assert.deepEqual([after?.attempts, after?.obstacle], [1, null]);
  await until(async () => (await reader.counts()).grantObstacles === 0, { what: 'the list to be empty' });
});
