import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openEmbeddedBroker } from '../../../test/support/embedded-broker.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { openDatabase, type Database, type Sql } from '../../base/sqlite.ts';
import type { Queue } from '../queue.ts';
import { testQueueContract } from '../queue.contract.ts';
import { openEmbeddedQueue } from './embedded-queue.ts';

testQueueContract('embedded', () => openEmbeddedBroker());

async function openInMemory(t: TestContext, clock: Clock = systemClock): Promise<{ queue: Queue; database: Database }> {
  const database = openDatabase({ path: ':memory:' });
  return { queue: await openOver(t, database, clock), database };
}

async function openOver(t: TestContext, database: Database, clock: Clock = systemClock): Promise<Queue> {
  const queue = await openEmbeddedQueue({
    database,
    directory: null,
    clock,
    random: systemRandom,
    logger: silentLogger,
    pollMs: 20,
  });
  t.after(async () => {
    await queue.close();
    await database.close();
  });
  return queue;
}

/** Notes the text of every statement. */
function recorded(database: Database, texts: Set<string>): Database {
  const note = (sql: Sql): Sql => ({
    run: (text, ...params) => {
      texts.add(text);
      return sql.run(text, ...params);
    },
    get: (text, ...params) => {
      texts.add(text);
      return sql.get(text, ...params);
    },
    all: (text, ...params) => {
      texts.add(text);
      return sql.all(text, ...params);
    },
  });
  return {
    change: (work) => database.change((sql) => work(note(sql))),
    read: (work) => database.read((sql) => work(note(sql))),
    migrate: (room, steps) => {
      database.migrate(room, steps);
    },
    commits: 0,
    path: database.path,
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

async function use(queue: Queue): Promise<void> {
  await queue.declare('dead', {});
  await queue.declare('a', { ttlMs: 60_000, deliveryLimit: 1, deadLetterTo: 'dead' });
  await queue.onControl('w1', () => undefined);
  await queue.sendControl('w1', { body: '1' });
  for (const body of ['ack', 'retry', 'reject']) await queue.publish('a', { body });
  await queue.consume('a', async ({ body }) => body as 'ack' | 'retry' | 'reject', { prefetch: 3 });
  await until(async () => (await queue.counts('dead')).ready === 2);
  await queue.purge('dead');
}

test('no statement walks through all messages', async (t) => {
  const texts = new Set<string>();
  const memory = openDatabase({ path: ':memory:' });
  const queue = await openOver(t, recorded(memory, texts));
  await use(queue);
  await queue.close();
  assert.ok(texts.size > 15, `only ${texts.size} statements`);
  for (const text of texts) {
    const plan = memory.read((sql) => sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`));
    for (const { detail } of plan) {
      assert.doesNotMatch(detail, /SCAN queue_(message|control)/, `${text}: ${detail}`);
      assert.doesNotMatch(detail, /TEMP B-TREE/, `${text}: ${detail}`);
    }
  }
});

test('100,000 ready messages slow nothing', async (t) => {
  const { queue, database } = await openInMemory(t);
  await queue.declare('a', { ttlMs: 3_600_000 });
  await database.change((sql) => {
    sql.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
       INSERT INTO queue_message (queue, body, expires_at) SELECT 'a', '{}', ? FROM n`,
      Date.now() + 3_600_000,
    );
  });
  const before = performance.now();
  let taken = 0;
  const consumer = await queue.consume('a', async () => {
    taken += 1;
    return 'ack';
  });
  await until(() => taken >= 200);
  await consumer.cancel();
  for (let n = 0; n < 200; n += 1) await queue.publish('a', { body: '{}' });
  for (let n = 0; n < 200; n += 1) await queue.counts('a');
  const tookMs = performance.now() - before;
  assert.ok(tookMs < 1000, `${tookMs} ms for 600 operations`);
  assert.equal((await queue.counts('a')).ready, 100_200 - taken);
});

test('a thousand messages expire at once and in order', async (t) => {
  let passedMs = 0;
  const { queue } = await openInMemory(t, { ...systemClock, now: () => systemClock.now() + passedMs });
  await queue.declare('dead', {});
  await queue.declare('a', { ttlMs: 60_000, deadLetterTo: 'dead' });
  await Promise.all(Array.from({ length: 1200 }, (_, n) => queue.publish('a', { body: `${n}` })));
  passedMs = 61_000;
  const bodies: number[] = [];
  await queue.consume('dead', async ({ body }) => {
    bodies.push(Number(body));
    return 'ack';
  });
  await until(() => bodies.length === 1200);
  assert.deepEqual(
    bodies,
    Array.from({ length: 1200 }, (_, n) => n),
  );
});

test('on a full disk publish is refused, and an answer waits until it can be stored', async (t) => {
  const database = openDatabase({ path: join(await tempDir(t), 'state.db') });
  const queue = await openOver(t, database);
  await queue.declare('a', {});
  await queue.declare('dead', {});
  await queue.declare('b', { deadLetterTo: 'dead' });
  await queue.publish('b', { body: 'x'.repeat(50_000) });
  const limit = (pages: number) => database.change((sql) => sql.get(`PRAGMA max_page_count = ${pages}`));
  const { promise: answered, resolve: answer } = Promise.withResolvers<'reject'>();
  let deliveries = 0;
  await queue.consume('b', () => {
    deliveries += 1;
    return answered;
  });
  await until(() => deliveries === 1);
  await limit(1);
  await assert.rejects(queue.publish('a', { body: 'x'.repeat(50_000) }), (error) =>
    isGroundcrewError(error, 'queue/not-stored'),
  );
  answer('reject');
  await until(async () => (await queue.counts('b')).unacked === 1);
  await limit(100_000);
  await until(async () => (await queue.counts('dead')).ready === 1);
  assert.deepEqual([deliveries, { ...(await queue.counts('b')) }], [1, { ready: 0, unacked: 0 }]);
  await queue.publish('a', { body: '1' });
});

test('publishers of one turn share a commit, and so do an answer and the next delivery', async (t) => {
  const { queue, database } = await openInMemory(t);
  await queue.declare('a', {});
  const atStart = database.commits;
  await Promise.all(Array.from({ length: 100 }, (_, n) => queue.publish('a', { body: `${n}` })));
  assert.equal(database.commits - atStart, 1);
  let taken = 0;
  await queue.consume('a', async () => {
    taken += 1;
    return 'ack';
  });
  await until(async () => {
    const { ready, unacked } = await queue.counts('a');
    return ready + unacked === 0;
  });
  assert.equal(taken, 100);
  assert.ok(database.commits - atStart <= 103, `${database.commits - atStart} commits`);
});
