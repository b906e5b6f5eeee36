import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';
import { copyMissing } from './copy-missing.ts';
import { createDirectoryStore } from './directory/directory-store.ts';
import { createMirroredStore } from './mirrored-store.ts';
import { objectStoreContract } from './object-store.contract.ts';
import type { ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';

const plain: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };
const from = (content: string): { readonly bytes: Uint8Array } => ({ bytes: Buffer.from(content) });

const openDirectory = async (context: CleansUp): Promise<ObjectStore> =>
  createDirectoryStore({ root: join(await tempDir(context), 'store'), clock: systemClock });

/** A store that can be switched off: then everything fails, a list in its middle. */
async function openShaky(context: CleansUp) {
  const store = await openDirectory(context);
  const shaky = { isAway: false, calls: 0 };
  const through = async <T>(work: () => Promise<T>): Promise<T> => {
    shaky.calls++;
    if (shaky.isAway) throw new GroundcrewError('storage/unavailable', 'switched off', { retry: 'later' });
    return work();
  };
  const door: ObjectStore = {
    put: (...args) => through(() => store.put(...args)),
    putIfAbsent: (...args) => through(() => store.putIfAbsent(...args)),
    get: (...args) => through(() => store.get(...args)),
    async *list(prefix) {
      let count = 0;
      for await (const one of store.list(prefix)) {
        if (count++ === 2 && shaky.isAway) await through(() => Promise.resolve());
        yield one;
      }
    },
    delete: (key) => through(() => store.delete(key)),
    address: (key) => through(() => Promise.resolve(`https://example.org/${key}`)),
  };
  return Object.assign(shaky, { store, door });
}

async function openPair(context: CleansUp) {
  const [a, b] = [await openShaky(context), await openShaky(context)];
  const troubles: number[] = [];
  const time = { ms: 0 };
  const store = createMirroredStore({
    primary: a.door,
    mirrors: [b.door],
    onTrouble: (mirror) => void troubles.push(mirror),
    clock: { monotonic: () => time.ms },
    pauseMs: 1000,
  });
  return { a, b, store, troubles, time };
}

async function contentOf(store: ObjectStore, key: string): Promise<string | null> {
  const read = await store.get(key);
  return read === null ? null : text(read.body);
}

async function keysOf(store: ObjectStore, prefix = ''): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

objectStoreContract('mirrored store', async (context) =>
  createMirroredStore({
    primary: await openDirectory(context),
    mirrors: [await openDirectory(context), await openDirectory(context)],
    onTrouble: (_, error) => {
      // The contract has sources that fail; then the primary fails, and no mirror is asked.
      throw error;
    },
    clock: systemClock,
  }),
);

test('what is stored is in all stores; what is transient only in the first', async (context) => {
  const { a, b, store } = await openPair(context);
  await store.put('log', from('whole'), plain);
  await store.put('log.0-5', from('chunk'), { ...plain, isTransient: true });
  assert.equal(await store.putIfAbsent('run.json', from('{}'), plain), true);
  assert.equal(await store.putIfAbsent('run.json', from('[]'), plain), false);
  assert.deepEqual(await keysOf(a.store), ['log', 'log.0-5', 'run.json']);
  assert.deepEqual(await keysOf(b.store), ['log', 'run.json']);
  assert.equal(await contentOf(b.store, 'run.json'), '{}');
});

test('a mirror that is away fails nobody, and is left alone for a while', async (context) => {
  const { b, store, troubles, time } = await openPair(context);
  b.isAway = true;
  await store.put('a', from('1'), plain);
  await store.put('b', from('2'), plain);
  await store.delete('a');
  assert.equal(await store.get('nothing'), null);
  assert.deepEqual([troubles, b.calls], [[0], 1]);
  b.isAway = false;
  time.ms = 1000;
  await store.put('c', from('3'), plain);
  assert.deepEqual(await keysOf(b.store), ['c']);
});

test('the primary decides: what it does not take is stored nowhere', async (context) => {
  const { a, b, store } = await openPair(context);
  a.isAway = true;
  await assert.rejects(store.put('a', from('1'), plain), { code: 'storage/unavailable' });
  await assert.rejects(store.putIfAbsent('a', from('1'), plain), { code: 'storage/unavailable' });
  assert.deepEqual([await keysOf(b.store), b.calls], [[], 0]);
});

test('readers fall over when the primary is away, or has lost the object', async (context) => {
  const { a, store } = await openPair(context);
  await store.put('a', from('1'), plain);
  await store.put('b', from('2'), plain);
  a.isAway = true;
  assert.equal(await contentOf(store, 'a'), '1');
  assert.equal(await store.address('a', 1000), 'https://example.org/a');
  await assert.rejects(store.get('nothing'), { code: 'storage/unavailable' });
  a.isAway = false;
  await a.store.delete('b');
  assert.equal(await contentOf(store, 'b'), '2');
  assert.equal(await store.get('nothing'), null);
});

test('a primary that is away is not asked again and again while a mirror knows', async (context) => {
  const { a, store, time } = await openPair(context);
  await store.put('a', from('1'), plain);
  a.isAway = true;
  await contentOf(store, 'a');
  const asked = a.calls;
  for (let n = 0; n < 5; n++) assert.equal(await contentOf(store, 'a'), '1');
  assert.equal(a.calls, asked);
  a.isAway = false;
  time.ms += 30_000;
  await contentOf(store, 'a');
  assert.equal(a.calls, asked + 1);
});

test('a list that breaks goes on in a mirror, each key once', async (context) => {
  const { a, b, store } = await openPair(context);
  const keys = ['a', 'b', 'c', 'd', 'e'];
  for (const key of keys) await store.put(key, from(key), plain);
  a.isAway = true;
  assert.deepEqual(await keysOf(store), keys);
  b.isAway = true;
  await assert.rejects(keysOf(store), { code: 'storage/unavailable' });
});

test('a deletion that a mirror missed is made up for, unless the object is there again', async (context) => {
  const { b, store, time } = await openPair(context);
  for (const key of ['a', 'b', 'c']) await store.put(key, from(key), plain);
  b.isAway = true;
  await store.delete('a');
  await store.delete('b');
  await store.put('b', from('again'), plain);
  b.isAway = false;
  time.ms = 1000;
  // Not yet deleted there, and yet not read.
  assert.equal(await store.get('a'), null);
  await store.delete('c');
  assert.deepEqual(await keysOf(b.store), ['b']);
});

test('what a mirror missed is copied, with its kind, and nothing else', async (context) => {
  const { a, b, store, time } = await openPair(context);
  const scratchDir = await tempDir(context);
  await store.put('x/1', from('1'), plain);
  b.isAway = true;
  const page: PutOptions = { contentType: 'text/html', visibility: 'public', isDownload: true };
  await store.put('x/0', from('<p>'), page);
  await store.put('x/2', from('two'), plain);
  await store.put('y', from('y'), plain);
  b.isAway = false;
  time.ms = 1000;
  await b.store.put('x/2', from('cut'.slice(0, 2)), plain);
  await b.store.put('x/extra', from('stays'), plain);
  const how = { prefix: 'x/', visibility: 'public', scratchDir, signal: new AbortController().signal } as const;
  assert.equal(await copyMissing(a.door, b.door, how), 2);
  assert.deepEqual(await keysOf(b.store), ['x/0', 'x/1', 'x/2', 'x/extra']);
  const { contentType, isDownload, body } = (await b.store.get('x/0')) ?? assert.fail();
  assert.deepEqual([contentType, isDownload, await text(body)], ['text/html', true, '<p>']);
  assert.equal(await contentOf(b.store, 'x/2'), 'two');
  assert.equal(await copyMissing(a.door, b.door, how), 0);
  assert.deepEqual(await readdir(scratchDir), []);
});

test('whatever two stores have, afterwards the second has all of the first', async (context) => {
  const scratchDir = await tempDir(context);
  const contents = fc.dictionary(fc.constantFrom('a', 'a-', 'a.b', 'b', 'z/1', 'z/2', 'é', '\u{1f600}'), fc.nat(3));
  await fc.assert(
    fc.asyncProperty(contents, contents, async (first, second) => {
      const [one, two] = [listOnly(first), listOnly(second)];
      const signal = new AbortController().signal;
      await copyMissing(one.store, two.store, { prefix: '', visibility: 'private', scratchDir, signal });
      assert.deepEqual(Object.fromEntries(two.sizes), { ...second, ...first });
    }),
    { numRuns: 50 },
  );
});

/** A store of sizes. */
function listOnly(contents: Readonly<Record<string, number>>) {
  const sizes = new Map(Object.entries(contents));
  const no = () => Promise.reject(new Error('not asked for'));
  const sorted = (): ObjectInfo[] =>
    [...sizes]
      .map(([key, sizeBytes]) => ({ key, sizeBytes, modifiedAt: 0 }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const store: ObjectStore = {
    put: async (key, source) => {
      assert.ok('file' in source);
      const { size } = await stat(source.file);
      sizes.set(key, size);
    },
    putIfAbsent: no,
    get: (key) => {
      const sizeBytes = sizes.get(key) ?? 0;
      const body = Readable.from(sizeBytes === 0 ? [] : [Buffer.alloc(sizeBytes)]);
      return Promise.resolve({ sizeBytes, contentType: '', isDownload: false, body });
    },
    async *list() {
      await Promise.resolve();
      yield* sorted();
    },
    delete: no,
    address: no,
  };
  return { sizes, store };
}
