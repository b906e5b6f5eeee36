import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FakeWorker } from '../../test/support/ledger-world.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import { controlMessageSchema, decodeMessage } from '../core/message-schema.ts';
import { collectorQueue } from '../core/queue-plan.ts';
import type { ControlMessage } from '../core/worker-message.ts';
import { openSqliteLedgerReader } from '../ledger/sqlite/reader.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { openEmbeddedQueue } from '../queue/embedded/embedded-queue.ts';
import { createDispatcher } from './dispatcher.ts';

async function openHouse(context: TestContext) {
  const directory = await tempDir(context);
  const database = openDatabase({ path: join(directory, 'ledger.sqlite') });
  const place = { database, directory, clock: systemClock, random: systemRandom, logger: silentLogger };
  const queue = await openEmbeddedQueue(place);
  const ledger = openSqliteLedger(database);
  const reader = openSqliteLedgerReader(database);
  const told: ControlMessage[] = [];
  await queue.onControl('w', ({ body }) => {
    const message = decodeMessage(controlMessageSchema, body);
    if (message !== null && message.kind !== 'who-runs') told.push(message);
  });
  const life = new AbortController();
  const start = async (): Promise<void> => {
    const dispatcher = createDispatcher({
      ...{ ledger, queue, clock: systemClock, random: systemRandom, logger: silentLogger },
      ...{ forges: new Map(), signingKey: 'key', verifyKeys: ['key'], knownQueues: ['jobs.default', 'jobs.night'] },
      ...{ onChanged: () => undefined, recover: () => Promise.resolve(), readBack: () => Promise.resolve() },
    });
    await dispatcher.start(life.signal);
  };
  await start();
  context.after(async () => {
    life.abort();
    await queue.close();
    await database.close();
  });
  const say = (message: unknown): Promise<void> => queue.publish(collectorQueue, { body: JSON.stringify(message) });
  return { queue, ledger, reader, told, say, start };
}

const hello = new FakeWorker('w').hello([], 1);

test('a message with keys that we do not know works, and is answered with the queues that its worker may serve', async (context) => {
  const { say, told, reader } = await openHouse(context);
  await say({ ...hello, mood: 'good', offer: { ...hello.offer, colour: 'green' } });
  await until(() => told.length > 0, { what: 'the answer' });
  assert.deepEqual(told, [{ v: 1, kind: 'serve', queues: ['jobs.default'], host: 'w.local' }]);
  assert.equal((await reader.workers())[0]?.worker, 'w');
  assert.equal((await reader.counts()).messagesParked, 0);
});

test('a message of another version is parked, not lost, and its worker is told', async (context) => {
  const { say, told, reader } = await openHouse(context);
  const foreign = { v: 2, worker: 'w', kind: 'greeting', holds: [] };
  await say(foreign);
  await until(async () => (await reader.counts()).messagesParked === 1, { what: 'it to be set aside' });
  await until(() => told.length > 0, { what: 'the word to its worker' });
  assert.deepEqual(told, [{ v: 1, kind: 'refused', why: 'it speaks version 2 of the protocol', speaks: [1] }]);
  const [kept] = await reader.parkedMessages(10);
  assert.deepEqual([kept?.worker, JSON.parse(kept?.body ?? '') as unknown], ['w', foreign]);
  await say(foreign);
  await until(async () => (await reader.counts()).messagesParked === 2, { what: 'the next' });
  assert.equal(told.length, 1, 'it is not told at each word');
});

test('a hello of another shape is kept once, however often it is said, and its worker is told what is wrong with it', async (context) => {
  const { say, told, reader } = await openHouse(context);
  const wrong = { ...hello, offer: { ...hello.offer, slots: 'many\n' } };
  await say(wrong);
  await until(() => told.length > 0, { what: 'the word to its worker' });
  const why = 'its hello cannot be read: offer.slots: Invalid input: expected number, received string';
  assert.deepEqual(told, [{ v: 1, kind: 'refused', why, speaks: [1], host: 'w.local' }]);
  await until(async () => (await reader.counts()).messagesParked === 1, { what: 'it to be set aside' });
  await say({ ...wrong, seq: 2 });
  await until(async () => (await reader.parkedMessages(1))[0]?.body.includes('"seq":2') === true, { what: 'the next' });
  assert.equal((await reader.counts()).messagesParked, 1);
  await say({ v: 1, worker: 'w', kind: 'beat', phase: 7 });
  await until(async () => (await reader.counts()).messagesParked === 2, { what: 'a beat' });
  assert.equal(told.length, 1);
});

test('a hello that cannot be read is answered to its machine alone: another one of that name may be understood', async (context) => {
  const { say, told } = await openHouse(context);
  const installation = 'a'.repeat(16);
  const from = (hostname: string, more: object = {}) => ({ ...hello, v: 2, offer: { hostname, ...more } });
  await say(from('one'));
  await until(() => told.length === 1, { what: 'the word to one' });
  await say(from('two', { installation }));
  await until(() => told.length === 2, { what: 'the word to two' });
  await say({ ...hello, v: 2, offer: { hostname: 7, installation: 'x' } });
  await until(() => told.length === 3, { what: 'the word to whoever it is' });
  assert.deepEqual(
    told.map((message) => message.kind === 'refused' && [message.host, message.installation]),
    [
      ['one', undefined],
      ['two', installation],
      [undefined, undefined],
    ],
  );
});

test('one message of our version that cannot be read keeps its worker from nothing', async (context) => {
  const { say, told, reader } = await openHouse(context);
  await say({ v: 1, worker: 'w', kind: 'beat', phase: 7 });
  await until(async () => (await reader.counts()).messagesParked === 1, { what: 'it to be set aside' });
  await say(hello);
  await until(() => told.length > 0, { what: 'the answer' });
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['serve'],
  );
});

test('what an earlier server could not read is applied by one that can, at its start', async (context) => {
  const { ledger, reader, start } = await openHouse(context);
  await ledger.park({ body: JSON.stringify(hello), worker: 'w', why: 'rejected', at: 1 });
  await start();
  await until(async () => (await reader.workers()).length === 1, { what: 'the worker' });
  assert.equal((await reader.counts()).messagesParked, 0);
});
