import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { createDirectoryStore } from './directory/directory-store.ts';
import { objectStoreClauses } from './object-store.contract.ts';
import type { ObjectInfo, ObjectRead, ObjectStore } from './object-store.ts';

/** A way to get the contract wrong, and the clause that must notice. */
interface Fault {
  readonly name: string;
  readonly noticedBy: string;
  readonly breakIt: (store: ObjectStore) => Partial<ObjectStore>;
}

const notNull = (read: ObjectRead | null): ObjectRead => read ?? assert.fail('no object');

const faults: readonly Fault[] = [
  {
    name: 'forgets the download flag',
    noticedBy: 'what was put is read back, with its type and download flag',
    breakIt: (store) => ({
      get: async (key, range) => ({ ...notNull(await store.get(key, range)), isDownload: false }),
    }),
  },
  {
    name: 'invents empty objects',
    noticedBy: 'what is not there reads as null',
    breakIt: (store) => ({
      get: async (key, range) =>
        (await store.get(key, range)) ?? { sizeBytes: 0, contentType: '', isDownload: false, body: Readable.from([]) },
    }),
  },
  {
    name: 'takes an empty object for none',
    noticedBy: 'an empty object is an object',
    breakIt: (store) => ({
      get: async (key, range) => {
        const read = notNull(await store.get(key, range));
        return read.sizeBytes === 0 ? null : read;
      },
    }),
  },
  {
    name: 'takes the end of a range as inclusive',
    noticedBy: 'a range gives just its bytes, and none past the end; the size is the whole one',
    breakIt: (store) => ({
      get: (key, range) =>
        store.get(key, range?.end === undefined ? range : { start: range.start, end: range.end + 1 }),
    }),
  },
  {
    name: 'gives the size of the range',
    noticedBy: 'a range gives just its bytes, and none past the end; the size is the whole one',
    breakIt: (store) => ({
      get: async (key, range) => {
        const read = notNull(await store.get(key, range));
        const bytes = await buffer(read.body);
        return { ...read, sizeBytes: bytes.length, body: Readable.from([bytes]) };
      },
    }),
  },
  {
    name: 'never overwrites',
    noticedBy: 'a second put replaces bytes and kind',
    breakIt: (store) => ({
      put: async (...args) => {
        await store.putIfAbsent(...args);
      },
    }),
  },
  {
    name: 'opens an object only when its bytes are read',
    noticedBy: 'a reader that began before a put gets the old bytes whole',
    breakIt: (store) => ({
      get: async (key) => {
        const read = notNull(await store.get(key));
        read.body.destroy();
        const late = async function* () {
          yield* notNull(await store.get(key)).body as AsyncIterable<Buffer>;
        };
        return { ...read, body: Readable.from(late()) };
      },
    }),
  },
  {
    name: 'overwrites in put-if-absent',
    noticedBy: 'put-if-absent stores once and leaves what is there alone',
    breakIt: (store) => ({ putIfAbsent: async (...args) => (await store.put(...args), true) }),
  },
  {
    name: 'looks before it puts, not while',
    noticedBy: 'of many put-if-absent at once exactly one wins, and its bytes stand',
    breakIt: (store) => ({
      putIfAbsent: async (key, source, options) => {
        const read = await store.get(key);
        read?.body.destroy();
        if (read !== null) return false;
        await store.put(key, source, options);
        return true;
      },
    }),
  },
  {
    name: 'does not delete',
    noticedBy: 'deleting removes, and deleting nothing is success',
    breakIt: () => ({ delete: async () => undefined }),
  },
  {
    name: 'complains of deleting nothing',
    noticedBy: 'deleting removes, and deleting nothing is success',
    breakIt: (store) => ({
      delete: async (key) => {
        notNull(await store.get(key)).body.destroy();
        await store.delete(key);
      },
    }),
  },
  {
    name: 'lists in the order of UTF-16',
    noticedBy: 'listing is in the order of the key bytes, by plain text prefix',
    breakIt: (store) => ({
      list: async function* (prefix) {
        const all: ObjectInfo[] = [];
        for await (const one of store.list(prefix)) all.push(one);
        yield* all.sort((a, b) => (a.key < b.key ? -1 : 1));
      },
    }),
  },
  {
    name: 'takes the prefix for a folder',
    noticedBy: 'listing is in the order of the key bytes, by plain text prefix',
    breakIt: (store) => ({
      list: (prefix) => store.list(prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`),
    }),
  },
  {
    name: 'lists one page',
    noticedBy: 'listing goes past one page',
    breakIt: (store) => ({
      list: async function* (prefix) {
        let count = 0;
        for await (const one of store.list(prefix)) if (count++ < 1000) yield one;
      },
    }),
  },
  {
    name: 'takes any key',
    noticedBy: 'keys that are none are refused by every method',
    breakIt: () => ({ put: async () => undefined }),
  },
  {
    name: 'folds the case of keys',
    noticedBy: 'odd but proper keys are kept apart',
    breakIt: (store) => ({
      put: (key, source, options) => store.put(key.toLowerCase(), source, options),
      get: (key) => store.get(key.toLowerCase()),
    }),
  },
  {
    name: 'ignores the range of a file',
    noticedBy: 'a file is a source, whole, by range, and by handle',
    breakIt: (store) => ({
      put: (key, source, options) => store.put(key, 'file' in source ? { file: source.file } : source, options),
    }),
  },
  {
    name: 'shares a file that may still change',
    noticedBy: 'a file is a source, whole, by range, and by handle',
    breakIt: (store) => ({
      put: (key, source, options) => store.put(key, 'file' in source ? { ...source, isFinal: true } : source, options),
    }),
  },
  {
    name: 'stores a short source as it is',
    noticedBy: 'a source that is shorter than said stores nothing',
    breakIt: (store) => ({
      put: (key, source, options) =>
        store.put(key, 'file' in source ? { file: source.file, start: source.start ?? 0 } : source, options),
    }),
  },
  {
    name: 'holds a body in memory',
    noticedBy: 'large bodies are streamed, not held',
    breakIt: (store) => ({
      get: async (key) => {
        const read = notNull(await store.get(key));
        return { ...read, body: Readable.from([await buffer(read.body)]) };
      },
    }),
  },
];

for (const { name, noticedBy, breakIt } of faults) {
  test(`the contract notices a store that ${name}`, async (context) => {
    const clause = objectStoreClauses.find(({ title }) => title === noticedBy);
    assert.ok(clause, `no clause "${noticedBy}"`);
    const store = await createDirectoryStore({ root: join(await tempDir(context), 's'), clock: systemClock });
    const sound: ObjectStore = {
      put: (...args) => store.put(...args),
      putIfAbsent: (...args) => store.putIfAbsent(...args),
      get: (...args) => store.get(...args),
      list: (prefix) => store.list(prefix),
      delete: (key) => store.delete(key),
      address: (key) => store.address(key, 0),
    };
    await assert.rejects(clause.prove({ ...sound, ...breakIt(store) }, context));
  });
}

test('each clause but those about timing has a fault that it notices', () => {
  const noticed = new Set(faults.map(({ noticedBy }) => noticedBy));
  const others = objectStoreClauses.map(({ title }) => title).filter((title) => !noticed.has(title));
  assert.deepEqual(others, [
    'readers during puts see one version whole',
    'a final file may be put twice and removed later',
  ]);
});
