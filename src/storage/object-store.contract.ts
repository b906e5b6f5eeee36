import assert from 'node:assert/strict';
import { link, open as openFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { ObjectRead, ObjectStore, PutOptions } from './object-store.ts';

/** Makes an empty store; each clause gets its own. */
export type OpenStore = (context: CleansUp) => Promise<ObjectStore>;

/** One promise of the port, and its proof. */
export interface StoreClause {
  readonly title: string;
  readonly prove: (store: ObjectStore, context: CleansUp) => Promise<void>;
}

/** Runs every clause against one adapter. */
export function objectStoreContract(name: string, open: OpenStore): void {
  for (const { title, prove } of objectStoreClauses) {
    test(`${name}: ${title}`, async (context) => {
      await prove(await open(context), context);
    });
  }
}

const text: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };
const page: PutOptions = { contentType: 'text/html', visibility: 'private', isDownload: true };

function bytes(content: string): { readonly bytes: Uint8Array } {
  return { bytes: Buffer.from(content) };
}

/** All of an object, read to its end at once. */
async function seen(store: ObjectStore, key: string, range?: { start: number; end?: number }) {
  return whole(await store.get(key, range));
}

async function whole(read: ObjectRead | null) {
  if (read === null) return null;
  const { body, ...rest } = read;
  return { ...rest, content: (await buffer(body)).toString('latin1') };
}

async function contentOf(store: ObjectStore, key: string): Promise<string | null> {
  return (await seen(store, key))?.content ?? null;
}

async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** The clauses, so that a test can prove that a broken adapter fails them. */
export const objectStoreClauses: readonly StoreClause[] = [
  {
    title: 'what was put is read back, with its type and download flag',
    prove: async (store) => {
      await store.put('a/b/plain', bytes('hello'), text);
      await store.put('a/b/page', bytes('<html>'), page);
      const { contentType } = text;
      assert.deepEqual(await seen(store, 'a/b/plain'), {
        sizeBytes: 5,
        contentType,
        isDownload: false,
        content: 'hello',
      });
      const kind = { sizeBytes: 6, contentType: 'text/html', isDownload: true };
      assert.deepEqual(await seen(store, 'a/b/page'), { ...kind, content: '<html>' });
    },
  },
  {
    title: 'what is not there reads as null',
    prove: async (store) => {
      await store.put('a/b', bytes('x'), text);
      for (const key of ['a', 'a/c', 'a/b/c', 'nothing']) assert.equal(await seen(store, key), null, key);
    },
  },
  {
    title: 'an empty object is an object',
    prove: async (store) => {
      await store.put('empty', bytes(''), text);
      const read = await seen(store, 'empty');
      assert.deepEqual([read?.sizeBytes, read?.content], [0, '']);
    },
  },
  {
    title: 'a range gives just its bytes, and none past the end; the size is the whole one',
    prove: async (store) => {
      await store.put('digits', bytes('0123456789'), text);
      const ranges: readonly [number, number | undefined, string][] = [
        [0, 3, '012'],
        [3, 4, '3'],
        [7, undefined, '789'],
        [7, 100, '789'],
        [10, undefined, ''],
        [11, 20, ''],
        [4, 4, ''],
      ];
      for (const [start, end, expected] of ranges) {
        const read = await seen(store, 'digits', end === undefined ? { start } : { start, end });
        assert.deepEqual([read?.sizeBytes, read?.content], [10, expected], `${String(start)}-${String(end)}`);
      }
    },
  },
  {
    title: 'a second put replaces bytes and kind',
    prove: async (store) => {
      await store.put('k', bytes('<html>'), page);
      await store.put('k', bytes('longer than before'), text);
      const { contentType } = text;
      const sizeBytes = 'longer than before'.length;
      const expected = { sizeBytes, contentType, isDownload: false, content: 'longer than before' };
      assert.deepEqual(await seen(store, 'k'), expected);
      await store.put('k', bytes('<p>'), page);
      assert.deepEqual(await seen(store, 'k'), {
        sizeBytes: 3,
        contentType: 'text/html',
        isDownload: true,
        content: '<p>',
      });
    },
  },
  {
    title: 'a reader that began before a put gets the old bytes whole',
    prove: async (store) => {
      const old = 'o'.repeat(3_000_000);
      await store.put('k', bytes(old), text);
      const read = await store.get('k');
      await store.put('k', bytes('new'), text);
      assert.equal((await whole(read))?.content === old, true);
    },
  },
  {
    title: 'readers during puts see one version whole',
    prove: async (store) => {
      const versions = ['a', 'b'].map((letter) => letter.repeat(300_000));
      await store.put('k', bytes(versions[0] ?? ''), text);
      const writer = (async () => {
        for (let n = 0; n < 30; n++) await store.put('k', bytes(versions[n % 2] ?? ''), text);
      })();
      for (let n = 0; n < 60; n++) {
        const seen = await contentOf(store, 'k');
        assert.equal(versions.includes(seen ?? ''), true, 'a mixture of two versions');
      }
      await writer;
    },
  },
  {
    title: 'put-if-absent stores once and leaves what is there alone',
    prove: async (store) => {
      assert.equal(await store.putIfAbsent('k', bytes('<first>'), page), true);
      assert.equal(await store.putIfAbsent('k', bytes('second'), text), false);
      const read = await seen(store, 'k');
      assert.deepEqual([read?.contentType, read?.content], ['text/html', '<first>']);
      await store.delete('k');
      assert.equal(await store.putIfAbsent('k', bytes('third'), text), true);
    },
  },
  {
    title: 'of many put-if-absent at once exactly one wins, and its bytes stand',
    prove: async (store) => {
      const tries = Array.from({ length: 16 }, (_, n) => `writer ${String(n)}`);
      const won = await Promise.all(tries.map((content) => store.putIfAbsent('race', bytes(content), text)));
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal(await contentOf(store, 'race'), tries[won.indexOf(true)]);
    },
  },
  {
    title: 'deleting removes, and deleting nothing is success',
    prove: async (store) => {
      await store.put('a/b/c', bytes('x'), page);
      await store.delete('a/b/c');
      assert.equal(await seen(store, 'a/b/c'), null);
      await store.delete('a/b/c');
      await store.delete('never/was');
      await store.delete('a/b');
      await store.put('a/b', bytes('now an object where a folder was'), text);
      assert.equal(await contentOf(store, 'a/b'), 'now an object where a folder was');
    },
  },
  {
    title: 'listing is in the order of the key bytes, by plain text prefix',
    prove: async (store) => {
      const keys = ['a-b/1', 'a.b', 'a/b', 'a/b.c', 'a/b-d/e', 'a0', 'aa/a', 'b', 'ä/1', '\u{ffee}', '\u{1f600}'];
      const ordered = keys.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      for (const key of keys.toReversed()) await store.put(key, bytes(key), text);
      assert.deepEqual(await keysOf(store, ''), ordered);
      for (const prefix of ['a', 'a/', 'a/b', 'a/b-', 'a/b-d/', 'aa/a', 'c', 'ä/', 'a/b/']) {
        assert.deepEqual(
          await keysOf(store, prefix),
          ordered.filter((key) => key.startsWith(prefix)),
          prefix,
        );
      }
      for await (const { key, sizeBytes } of store.list('')) assert.equal(sizeBytes, Buffer.byteLength(key));
    },
  },
  {
    title: 'listing goes past one page',
    prove: async (store) => {
      const keys = Array.from({ length: 1500 }, (_, n) => `many/${String(n).padStart(5, '0')}`);
      for (let n = 0; n < keys.length; n += 50) {
        const some = keys.slice(n, n + 50);
        await Promise.all(some.map((key) => store.put(key, bytes('x'), { ...text, isTransient: true })));
      }
      assert.deepEqual(await keysOf(store, 'many/'), keys);
    },
  },
  {
    title: 'keys that are none are refused by every method',
    prove: async (store) => {
      const longKey = Array.from({ length: 11 }, () => 'k'.repeat(100)).join('/');
      const bad = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a\nb', 'a\u0000', 'a\u0085b'];
      for (const key of [...bad, '\ud800', 'p'.repeat(256), longKey]) {
        const isBadKey = (error: unknown): boolean => isGroundcrewError(error, 'storage/bad-key');
        await assert.rejects(async () => store.put(key, bytes('x'), text), isBadKey, `put ${JSON.stringify(key)}`);
        await assert.rejects(async () => store.putIfAbsent(key, bytes('x'), text), isBadKey);
        await assert.rejects(async () => store.get(key), isBadKey);
        await assert.rejects(async () => store.delete(key), isBadKey);
        await assert.rejects(async () => store.address(key, 1000), isBadKey);
      }
      assert.deepEqual(await keysOf(store, '../'), []);
    },
  },
  {
    title: 'odd but proper keys are kept apart',
    prove: async (store) => {
      const keys = [
        'A',
        'a',
        ' ',
        '%2e%2e',
        '...',
        '~',
        'a b',
        'a\\b',
        'p'.repeat(255),
        '"<&>\'',
        '-rf',
        'é',
        'e\u0301',
      ];
      for (const key of keys) await store.put(key, bytes(key), text);
      for (const key of keys) {
        assert.equal(await contentOf(store, key), Buffer.from(key).toString('latin1'), key);
      }
    },
  },
  {
    title: 'a file is a source, whole, by range, and by handle',
    prove: async (store, context) => {
      const dir = await tempDir(context);
      const file = join(dir, 'source');
      await writeFile(file, '0123456789');
      await store.put('whole', { file }, text);
      await store.put('range', { file, start: 2, end: 5 }, text);
      await store.put('rest', { file, start: 8 }, text);
      const handle = await openFile(file);
      try {
        await store.put('handle', { handle, start: 1, end: 3 }, text);
      } finally {
        await handle.close();
      }
      const expected = { whole: '0123456789', range: '234', rest: '89', handle: '12' };
      for (const [key, content] of Object.entries(expected)) assert.equal(await contentOf(store, key), content);
      // The object is a copy: what happens to the file later is no matter.
      await writeFile(file, 'changed');
      assert.equal(await contentOf(store, 'whole'), '0123456789');
    },
  },
  {
    title: 'a final file may be put twice and removed later',
    prove: async (store, context) => {
      const dir = await tempDir(context);
      const file = join(dir, 'log');
      await writeFile(file, 'final words');
      await store.put('log', { file, isFinal: true }, text);
      await store.put('log', { file, isFinal: true }, text);
      await link(file, join(dir, 'second'));
      await rename(file, join(dir, 'elsewhere'));
      await writeFile(file, 'something else');
      assert.equal(await contentOf(store, 'log'), 'final words');
    },
  },
  {
    title: 'a source that is shorter than said stores nothing',
    prove: async (store, context) => {
      const file = join(await tempDir(context), 'source');
      await writeFile(file, '0123456789');
      await store.put('k', bytes('before'), text);
      const isShort = (error: unknown): boolean => isGroundcrewError(error, 'storage/source-short');
      await assert.rejects(async () => store.put('k', { file, start: 5, end: 20 }, text), isShort);
      await assert.rejects(async () => store.putIfAbsent('new', { file, start: 0, end: 11 }, text), isShort);
      assert.equal(await contentOf(store, 'k'), 'before');
      assert.deepEqual(await keysOf(store, ''), ['k']);
    },
  },
  {
    title: 'large bodies are streamed, not held',
    prove: async (store, context) => {
      const file = join(await tempDir(context), 'large');
      const handle = await openFile(file, 'w');
      await handle.truncate(192 * 1024 * 1024);
      await handle.write('end');
      await handle.close();
      const before = process.memoryUsage().rss;
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 2);
      try {
        await store.put('large', { file }, { ...text, isTransient: true });
        let size = 0;
        for await (const part of (await store.get('large'))?.body ?? []) size += (part as Buffer).length;
        assert.equal(size, 192 * 1024 * 1024);
      } finally {
        clearInterval(watch);
      }
      assert.ok(most - before < 96 * 1024 * 1024, `grew by ${String(most - before)} bytes`);
    },
  },
];
