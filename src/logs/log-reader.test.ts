import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { openTempDir, removeTempDir, tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore, PutOptions } from '../storage/object-store.ts';
import { createChunkStreamer, type StreamPace } from './chunk-streamer.ts';
import { readLog } from './log-reader.ts';

const prefix = 'project/run/1.1-abcdef01';
const never = new AbortController().signal;
const plain: PutOptions = { contentType: 'text/plain', visibility: 'public', isTransient: true };

async function openStore(context: CleansUp): Promise<ObjectStore> {
  return createDirectoryStore({ root: join(await tempDir(context), 'store'), clock: systemClock });
}

function reader(
  store: ObjectStore,
  options: { fromByte?: number; clock?: Clock; pollMs?: number; signal?: AbortSignal },
) {
  return readLog({ store, prefix, fromByte: 0, clock: systemClock, pollMs: 1, signal: never, ...options });
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = [];
  for await (const part of parts) got.push(part);
  return Buffer.concat(got);
}

test('a complete log is read from any byte, and from behind its end gives nothing', async (context) => {
  const store = await openStore(context);
  await store.put(`${prefix}/log`, { bytes: Buffer.from('0123456789') }, plain);
  for (const [fromByte, expected] of [
    [0, '0123456789'],
    [7, '789'],
    [10, ''],
    [99, ''],
  ] as const) {
    assert.equal((await all(reader(store, { fromByte }))).toString(), expected);
  }
});

test('a growing log is followed to its end, through every merge and the seal', async (context) => {
  const store = await openStore(context);
  const file = join(await tempDir(context), 'log');
  await writeFile(file, '');
  const pace = { flushMs: 0, flushBytes: 1, mergedMaxBytes: 64, pieceMaxBytes: 40 };
  const sink = streamer(store, file, pace);
  const readings = [0, 1, 33, 150].map((fromByte) => all(reader(store, { fromByte })));
  let whole = '';
  for (let n = 0; n < 100; n++) {
    const line = `line ${String(n)}\n`;
    await appendFile(file, line);
    whole += line;
    sink.grew(whole.length);
  }
  await sink.seal(totalOf(Buffer.from(whole)), never);
  const got = (await Promise.all(readings)).map(String);
  assert.deepEqual(got, [whole, whole.slice(1), whole.slice(33), whole.slice(150)]);
});

test('whatever the log, the pace and the first byte, each byte comes once and in order', async () => {
  const dir = await openTempDir();
  let round = 0;
  try {
    const property = fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 30 }),
      fc.record({
        flushMs: fc.constantFrom(0, 1),
        flushBytes: fc.integer({ min: 1, max: 100 }),
        mergedMaxBytes: fc.integer({ min: 0, max: 300 }),
        pieceMaxBytes: fc.integer({ min: 4, max: 200 }),
      }),
      fc.nat(100),
      async (parts, pace, fromByte) => {
        round++;
        const store = await createDirectoryStore({ root: join(dir, String(round)), clock: systemClock });
        const file = join(dir, `log-${String(round)}`);
        await writeFile(file, '');
        const sink = streamer(store, file, pace);
        const reading = all(reader(store, { fromByte, pollMs: 0 }));
        let size = 0;
        for (const part of parts) {
          await appendFile(file, part);
          size += part.length;
          sink.grew(size);
        }
        const whole = Buffer.concat(parts);
        await sink.seal(totalOf(whole), never);
        assert.deepEqual(await reading, whole.subarray(fromByte));
      },
    );
    await fc.assert(property, { numRuns: 40 });
  } finally {
    await removeTempDir(dir);
  }
});

test('a reader is woken by growth and does not wait for its poll', async (context) => {
  const store = await openStore(context);
  const clock = createHandClock();
  const listeners = new Set<() => void>();
  const stop = new AbortController();
  const got: string[] = [];
  const reading = (async () => {
    const onGrowth = (wake: () => void) => {
      listeners.add(wake);
      return () => void listeners.delete(wake);
    };
    const options = { store, prefix, fromByte: 0, clock, pollMs: 60_000, onGrowth, signal: stop.signal };
    for await (const part of readLog(options)) got.push(Buffer.from(part).toString());
  })();
  await until(() => clock.waiting === 1);
  await store.put(`${prefix}/log.0-5`, { bytes: Buffer.from('hello') }, plain);
  await store.put(`${prefix}/log.chunks`, { bytes: Buffer.from('[5]') }, plain);
  for (const wake of listeners) wake();
  await until(() => got.length === 1);
  await until(() => clock.waiting === 1);
  stop.abort();
  await reading;
  assert.deepEqual([got, listeners.size, clock.waiting], [['hello'], 0, 0]);
});

test('a chunk that is lost or cut is waited for without a busy loop, and nothing is skipped', async (context) => {
  const store = await openStore(context);
  const clock = createHandClock();
  await store.put(`${prefix}/log.0-5`, { bytes: Buffer.from('he') }, plain);
  await store.put(`${prefix}/log.5-8`, { bytes: Buffer.from('abc') }, plain);
  await store.put(`${prefix}/log.chunks`, { bytes: Buffer.from('[5,3,1]') }, plain);
  let lists = 0;
  const get = store.get.bind(store);
  const counting: ObjectStore = Object.assign(Object.create(store) as ObjectStore, {
    get: async (...args: Parameters<typeof get>) => {
      if (args[0].endsWith('.chunks')) lists++;
      return get(...args);
    },
  });
  const reading = all(reader(counting, { clock, pollMs: 1000 }));
  await until(() => clock.waiting === 1);
  assert.ok(lists < 20, String(lists));
  await store.put(`${prefix}/log.0-5`, { bytes: Buffer.from('hello') }, plain);
  await store.put(`${prefix}/log.8-9`, { bytes: Buffer.from('!') }, plain);
  await store.put(`${prefix}/log`, { bytes: Buffer.from('helloabc!') }, plain);
  clock.pass(1000);
  assert.equal((await reading).toString(), 'helloabc!');
});

test('a seal that stopped half-way is read as complete', async (context) => {
  const store = await openStore(context);
  await store.put(`${prefix}/log.0-2`, { bytes: Buffer.from('ab') }, plain);
  await store.put(`${prefix}/log.chunks`, { bytes: Buffer.from('[2]') }, plain);
  await store.put(`${prefix}/log`, { bytes: Buffer.from('abc') }, plain);
  assert.equal((await all(reader(store, {}))).toString(), 'abc');
});

test('a reader that does not follow ends with what is there', async (context) => {
  const store = await openStore(context);
  const now = (fromByte: number) =>
    all(readLog({ store, prefix, fromByte, clock: createHandClock(), pollMs: 1, isFollowing: false, signal: never }));
  assert.equal((await now(0)).length, 0);
  await store.put(`${prefix}/log.0-5`, { bytes: Buffer.from('hello') }, plain);
  await store.put(`${prefix}/log.chunks`, { bytes: Buffer.from('[5]') }, plain);
  assert.equal((await now(0)).toString(), 'hello');
  assert.equal((await now(3)).toString(), 'lo');
  assert.equal((await now(5)).toString(), '');
});

test('a list that is none counts as not there', async (context) => {
  const store = await openStore(context);
  for (const list of ['', '{}', '[0]', '[-1]', '[1.5]', '["1"]', '[1e400]', '[2']) {
    await store.put(`${prefix}/log.chunks`, { bytes: Buffer.from(list) }, plain);
    await store.put(`${prefix}/log`, { bytes: Buffer.from('whole') }, plain);
    assert.equal((await all(reader(store, {}))).toString(), 'whole', list);
  }
});

function streamer(store: ObjectStore, file: string, pace: Partial<StreamPace>) {
  return createChunkStreamer({
    file,
    store,
    prefix,
    visibility: 'public',
    clock: systemClock,
    random: systemRandom,
    onTrouble: (error) => assert.fail(String(error)),
    signal: never,
    pace: { firstFlushMs: 0, ...pace },
  });
}

function totalOf(bytes: Buffer) {
  return { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
