import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { tidyLog, tidyLogs } from './tidy-log.ts';

const go = new AbortController().signal;

async function storeWith(context: CleansUp, keys: readonly string[]): Promise<ObjectStore> {
  const store = await createDirectoryStore({ root: join(await tempDir(context), 's'), clock: systemClock });
  for (const key of keys) {
    await store.put(key, { bytes: Buffer.from(key) }, { contentType: 'text/plain', visibility: 'public' });
  }
  return store;
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

test('a complete log stands alone; what is the job’s own stays, whatever its name', async (context) => {
  const own = ['a/1/log.txt', 'a/1/logs/log.0-1', 'a/1/run.json', 'a/10/log.0-5', 'a/10/log.chunks'];
  const store = await storeWith(context, [...own, 'a/1/log', 'a/1/log.0-5', 'a/1/log.5-6', 'a/1/log.chunks']);
  assert.equal(await tidyLog(store, 'a/1'), 3);
  assert.deepEqual(await keysOf(store), ['a/1/log', ...own].sort());
  assert.equal(await tidyLog(store, 'a/1'), 0);
});

test('a log that still grows is left alone', async (context) => {
  const store = await storeWith(context, ['a/1/log.0-5', 'a/1/log.chunks']);
  assert.equal(await tidyLog(store, 'a/1'), 0);
  assert.equal((await keysOf(store)).length, 2);
});

test('the list goes first, so that no list names what is gone', async (context) => {
  const store = await storeWith(context, ['a/1/log', 'a/1/log.0-5', 'a/1/log.chunks']);
  const gone: string[] = [];
  const watched: ObjectStore = {
    ...store,
    list: (prefix) => store.list(prefix),
    delete: (key) => {
      gone.push(key);
      return store.delete(key);
    },
  };
  await tidyLog(watched, 'a/1');
  assert.deepEqual(gone, ['a/1/log.chunks', 'a/1/log.0-5']);
});

test('what a crash left anywhere is found again', async (context) => {
  const growing = ['b/2/log.0-5', 'b/2/log.chunks'];
  const store = await storeWith(context, [
    'a/1/log',
    'a/1/log.0-5',
    'a/1/run.json',
    ...growing,
    'c/3/log',
    'c/3/log.chunks',
  ]);
  assert.equal(await tidyLogs(store, go), 2);
  assert.deepEqual(await keysOf(store), ['a/1/log', 'a/1/run.json', ...growing, 'c/3/log']);
});
