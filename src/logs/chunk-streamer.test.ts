import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createChunkStreamer, type StreamPace } from './chunk-streamer.ts';
import { logSinkContract } from './log-sink.contract.ts';

const prefix = 'project/run/1.1-abcdef01';
const never = new AbortController().signal;

async function contentAt(store: ObjectStore, key: string): Promise<Buffer | null> {
  const read = await store.get(key);
  return read === null ? null : await buffer(read.body);
}

/** A store whose writing fails or hangs when told to. */
function moody(store: ObjectStore): { readonly store: ObjectStore; behave: (how: string) => void } {
  let mood = 'working';
  const guard = async (): Promise<void> => {
    if (mood === 'failing') throw new Error('503 slow down');
    if (mood === 'hanging') await new Promise(() => undefined);
  };
  return {
    store: {
      ...store,
      put: async (...args) => guard().then(() => store.put(...args)),
      putIfAbsent: async (...args) => guard().then(() => store.putIfAbsent(...args)),
      get: async (...args) => guard().then(() => store.get(...args)),
      delete: async (...args) => guard().then(() => store.delete(...args)),
      list: (...args) => store.list(...args),
    },
    behave: (how) => (mood = how),
  };
}

async function openStore(context: CleansUp): Promise<ObjectStore> {
  return createDirectoryStore({ root: join(await tempDir(context), 'store'), clock: systemClock });
}

logSinkContract('chunk streamer', async (context) => {
  const inner = await openStore(context);
  const { store, behave } = moody(inner);
  return {
    behave,
    open: (file, onTrouble) =>
      createChunkStreamer({
        file,
        store,
        prefix,
        visibility: 'public',
        clock: systemClock,
        random: systemRandom,
        onTrouble,
        signal: never,
        pace: { firstFlushMs: 0, flushMs: 1, flushBytes: 1000, retry: { firstMs: 1, mostMs: 2, factor: 2 } },
      }),
    held: async () => {
      const complete = await contentAt(inner, `${prefix}/log`);
      if (complete !== null) return { bytes: complete, isComplete: true };
      const list = await contentAt(inner, `${prefix}/log.chunks`);
      const parts: Buffer[] = [];
      let start = 0;
      for (const size of JSON.parse(list?.toString() ?? '[]') as number[]) {
        parts.push(
          (await contentAt(inner, `${prefix}/log.${String(start)}-${String(start + size)}`)) ?? Buffer.alloc(0),
        );
        start += size;
      }
      return { bytes: Buffer.concat(parts), isComplete: false };
    },
  };
});

interface Stage {
  readonly file: string;
  readonly store: ObjectStore;
  /** Appends and tells the streamer. */
  write(part: string | Buffer): Promise<void>;
  list(): Promise<number[]>;
  names(): Promise<string[]>;
  seal(): Promise<void>;
}

async function stage(context: CleansUp, clock: Clock, pace: Partial<StreamPace>): Promise<Stage> {
  const store = await openStore(context);
  const file = join(await tempDir(context), 'log');
  await writeFile(file, '');
  const sink = createChunkStreamer({
    file,
    store,
    prefix,
    visibility: 'public',
    clock,
    random: systemRandom,
    onTrouble: (error) => assert.fail(String(error)),
    signal: never,
    pace: { firstFlushMs: 0, ...pace },
  });
  const written = createHash('sha256');
  return {
    file,
    store,
    write: async (part) => {
      await appendFile(file, part);
      written.update(part);
      sink.grew((await stat(file)).size);
    },
    list: async () => JSON.parse((await contentAt(store, `${prefix}/log.chunks`))?.toString() ?? '[]') as number[],
    names: async () => {
      const names: string[] = [];
      for await (const { key } of store.list(`${prefix}/`)) names.push(key.slice(prefix.length + 1));
      return names.sort();
    },
    seal: async () => sink.seal({ sizeBytes: (await stat(file)).size, sha256: written.digest('hex') }, never),
  };
}

test('chunk sizes follow the binary digits of the flush number, as published', async (context) => {
  const clock = createHandClock();
  const at = await stage(context, clock, { flushMs: 100 });
  const expected = [[10], [20], [20, 10], [40], [40, 10], [40, 20], [40, 20, 10], [80]];
  for (const sizes of expected) {
    await at.write('123456789\n');
    clock.pass(100);
    await until(async () => JSON.stringify(await at.list()) === JSON.stringify(sizes), { what: String(sizes) });
  }
  await until(async () => (await at.names()).length === 2);
  assert.deepEqual(await at.names(), ['log.0-80', 'log.chunks']);
  await at.seal();
  assert.deepEqual(await at.names(), ['log']);
});

test('the first bytes go soon, the next wait for their turn or for enough company', async (context) => {
  const clock = createHandClock();
  const at = await stage(context, clock, { firstFlushMs: 300, flushMs: 1000, flushBytes: 50 });
  await at.write('first');
  clock.pass(299);
  assert.equal(clock.waiting, 1);
  clock.pass(1);
  await until(async () => (await at.list()).length === 1);
  await at.write('second');
  await until(() => clock.waiting === 1);
  clock.pass(999);
  assert.deepEqual(await at.list(), [5]);
  clock.pass(1);
  await until(async () => (await at.list())[0] === 11);
  await at.write('x'.repeat(60));
  await until(async () => (await at.list()).length === 2);
});

test('a code point of UTF-8 text is not cut, other bytes are not held up', async (context) => {
  const clock = createHandClock();
  const at = await stage(context, clock, { flushMs: 10, mergedMaxBytes: 0 });
  const smile = Buffer.from('\u{1f600}');
  await at.write(Buffer.concat([Buffer.from('ab'), smile.subarray(0, 3)]));
  await until(async () => (await at.list())[0] === 2);
  clock.pass(10);
  await at.write(smile.subarray(3));
  clock.pass(10);
  await until(async () => (await at.list())[1] === 4);
  await at.write(Buffer.from([0xff, 0x80, 0x80, 0x80]));
  clock.pass(10);
  await until(async () => (await at.list())[2] === 4);
});

test('a log that grows too fast is copied at a bounded speed, and whole at the seal', async (context) => {
  const clock = createHandClock();
  const at = await stage(context, clock, { flushBytes: 1, flushMs: 0, pieceMaxBytes: 1000, bytesPerSecond: 1000 });
  await at.write('x'.repeat(10_000));
  for (const copied of [1000, 2000, 3000]) {
    await until(async () => (await at.list()).reduce((sum, size) => sum + size, 0) === copied && clock.waiting === 1);
    clock.pass(999);
    assert.equal(clock.waiting, 1);
    clock.pass(1);
  }
  await at.seal();
  assert.equal((await contentAt(at.store, `${prefix}/log`))?.length, 10_000);
});

test('large chunks are not merged, so a long log is written about twice at most', async (context) => {
  const at = await stage(context, systemClock, { flushMs: 0, flushBytes: 1, mergedMaxBytes: 1000, pieceMaxBytes: 700 });
  let putBytes = 0;
  const put = at.store.put.bind(at.store);
  Object.assign(at.store, {
    put: async (...args: Parameters<typeof put>) => {
      const [, source] = args;
      if ('file' in source && source.end !== undefined) putBytes += source.end - (source.start ?? 0);
      await put(...args);
    },
  });
  await at.write('x'.repeat(100_000));
  await until(async () => (await at.list()).reduce((sum, size) => sum + size, 0) === 100_000);
  assert.ok(Math.max(...(await at.list())) <= 1000);
  assert.ok(putBytes <= 200_000, `${String(putBytes)} bytes put for 100,000`);
});

test('a restarted streamer goes on behind the chunks that are there', async (context) => {
  const clock = createHandClock();
  const at = await stage(context, clock, { flushMs: 10 });
  await at.write('before the crash\n');
  await until(async () => (await at.list())[0] === 17);
  const again = createChunkStreamer({
    file: at.file,
    store: at.store,
    prefix,
    visibility: 'public',
    clock,
    random: systemRandom,
    onTrouble: (error) => assert.fail(String(error)),
    signal: never,
    pace: { firstFlushMs: 0, flushMs: 10 },
  });
  // The log file was cut back to its checkpoint first, so it is shorter for a while than what is copied.
  again.grew(5);
  await appendFile(at.file, 'and after\n');
  again.grew(27);
  clock.pass(10);
  await until(async () => JSON.stringify(await at.list()) === '[17,10]');
  const chunk = await at.store.get(`${prefix}/log.17-27`);
  assert.equal(chunk === null ? null : await text(chunk.body), 'and after\n');
});

test('nothing more is copied after the signal', async (context) => {
  const clock = createHandClock();
  const store = await openStore(context);
  const file = join(await tempDir(context), 'log');
  await writeFile(file, 'text');
  const stop = new AbortController();
  stop.abort();
  const onTrouble = (error: unknown) => assert.fail(String(error));
  const options = { file, store, prefix, visibility: 'public', clock, random: systemRandom, onTrouble } as const;
  createChunkStreamer({ ...options, signal: stop.signal }).grew(4);
  assert.equal(clock.waiting, 0);
  assert.equal(await store.get(`${prefix}/log.chunks`), null);
});

test('a log of a new attempt that was over before its first flush costs one put', async (context) => {
  const store = await openStore(context);
  const file = join(await tempDir(context), 'log');
  await writeFile(file, 'all of it\n');
  const asked: string[] = [];
  const heard = new Proxy(store, {
    get: (target, name: keyof ObjectStore) => {
      asked.push(name);
      return target[name].bind(target);
    },
  });
  const sink = createChunkStreamer({
    file,
    store: heard,
    prefix,
    visibility: 'public',
    clock: createHandClock(),
    random: systemRandom,
    isNew: true,
    onTrouble: (error) => assert.fail(String(error)),
    signal: never,
    pace: { firstFlushMs: 1000 },
  });
  sink.grew(10);
  await sink.seal({ sizeBytes: 10, sha256: createHash('sha256').update('all of it\n').digest('hex') }, never);
  assert.deepEqual(asked, ['put']);
  assert.equal((await contentAt(store, `${prefix}/log`))?.toString(), 'all of it\n');
});
