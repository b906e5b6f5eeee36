import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { anOrder, envelopeFor, FakeWorker } from '../../test/support/ledger-world.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import { controlMessageSchema, decodeMessage } from '../core/message-schema.ts';
import { collectorQueue } from '../core/queue-plan.ts';
import type { ControlMessage } from '../core/worker-message.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { openEmbeddedQueue } from '../queue/embedded/embedded-queue.ts';
import { createDispatcher } from './dispatcher.ts';
import { overtimeMs } from './overtime.ts';

test('an attempt whose worker beats on and on is given up, and its worker told to stop', async (context) => {
  const directory = await tempDir(context);
  const database = openDatabase({ path: join(directory, 'ledger.sqlite') });
  const real = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const queue = await openEmbeddedQueue({ ...real, database, directory });
  const ledger = openSqliteLedger(database);
  const told: ControlMessage[] = [];
  await queue.onControl('w', ({ body }) => {
    const message = decodeMessage(controlMessageSchema, body);
    if (message !== null) told.push(message);
  });
  let passedMs = 0;
  const heard: string[] = [];
  const dispatcher = createDispatcher({
    ...real,
    ...{ ledger, queue, forges: new Map(), signingKey: 'key', verifyKeys: ['key'], knownQueues: [] },
    ...{ onChanged: () => undefined, recover: () => Promise.resolve(), readBack: () => Promise.resolve() },
    onHeard: ({ kind }) => heard.push(kind),
    clock: {
      ...systemClock,
      monotonic: () => systemClock.monotonic() + passedMs,
      after: (delayMs, fire) => systemClock.after(Math.min(delayMs, 20), fire),
    },
  });
  const life = new AbortController();
  await dispatcher.start(life.signal);
  let running: Promise<void> | null = null;
  context.after(async () => {
    life.abort();
    await running;
    await queue.close();
    await database.close();
  });
  const say = (message: unknown): Promise<void> => queue.publish(collectorQueue, { body: JSON.stringify(message) });

  const order = anOrder();
  const worker = new FakeWorker('w');
  const { signature: _nobodys, ...unsigned } = envelopeFor(order, 1, 1);
  const holding = FakeWorker.holding(signEnvelope(unsigned, 'key'), 'a');
  await say(worker.claimed(holding));
  await until(async () => (await ledger.liveAttempts()).length === 1, { what: 'the claim' });
  passedMs = order.timeoutMs + overtimeMs + 60_000;
  await say(worker.beat(holding));
  await until(() => heard.includes('beat'), { what: 'the beat' });
  running = dispatcher.run(life.signal);
  await until(async () => (await ledger.liveAttempts()).length === 0, { what: 'the end of the attempt' });
  await until(() => told.some(({ kind }) => kind === 'cancel'), { what: 'the word to stop' });
  const stop = told.find(({ kind }) => kind === 'cancel');
  assert.deepEqual(stop, {
    ...{ v: 1, kind: 'cancel', nonce: holding.nonce, reason: 'withdrawn', by: 'its time limit is long over' },
    attempt: { jobId: order.id, generation: 1, n: 1 },
  });
});
