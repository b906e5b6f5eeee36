import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { tempDir, type CleansUp } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { PutOptions } from '../object-store.ts';
import { objectStoreContract } from '../object-store.contract.ts';
import { createDirectoryStore } from './directory-store.ts';

const text: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };

const openStore = async (context: CleansUp) =>
  createDirectoryStore({ root: join(await tempDir(context), 'store'), clock: systemClock });

objectStoreContract('directory store', openStore);

test('the bytes lie under their key for any tool, readable by others only when public', async (context) => {
  const root = await tempDir(context);
  const store = await createDirectoryStore({ root, clock: systemClock });
  await store.put('a/log', { bytes: Buffer.from('hello') }, text);
  await store.put('a/secret', { bytes: Buffer.from('x') }, { ...text, visibility: 'private' });
  assert.equal(await readFile(join(root, 'objects/a/log'), 'utf8'), 'hello');
  assert.equal((await stat(join(root, 'objects/a/log'))).mode & 0o777, 0o644);
  assert.equal((await stat(join(root, 'objects/a/secret'))).mode & 0o777, 0o640);
  assert.deepEqual(await readdir(join(root, 'staging')), []);
});

test('a final file on the same disk is shared, not copied', async (context) => {
  const dir = await tempDir(context);
  const store = await createDirectoryStore({ root: join(dir, 'store'), clock: systemClock });
  const file = join(dir, 'log');
  await writeFile(file, 'final');
  await store.put('log', { file, isFinal: true }, text);
  await store.put('copy', { file }, text);
  const { ino } = await stat(file);
  assert.equal((await stat(join(dir, 'store/objects/log'))).ino, ino);
  assert.notEqual((await stat(join(dir, 'store/objects/copy'))).ino, ino);
  await store.put('log', { file, isFinal: true }, text);
  assert.deepEqual(await readdir(join(dir, 'store/staging')), []);
});

test('symbolic links are followed neither as object, nor as folder, nor as source', async (context) => {
  const dir = await tempDir(context);
  const root = join(dir, 'store');
  const store = await createDirectoryStore({ root, clock: systemClock });
  await mkdir(join(dir, 'outside'));
  await writeFile(join(dir, 'outside/passwd'), 'root');
  await symlink(join(dir, 'outside'), join(root, 'objects/folder'));
  await symlink(join(dir, 'outside/passwd'), join(root, 'objects/leaf'));
  assert.equal(await store.get('folder/passwd'), null);
  assert.equal(await store.get('leaf'), null);
  for await (const { key } of store.list('')) assert.fail(`lists ${key}`);
  for await (const { key } of store.list('folder/')) assert.fail(`lists ${key}`);
  await store.delete('folder/passwd');
  const isUnsafe = (error: unknown) => isGroundcrewError(error, 'storage/unsafe-path');
  await assert.rejects(store.put('folder/new', { bytes: Buffer.from('x') }, text), isUnsafe);
  assert.deepEqual(await readdir(join(dir, 'outside')), ['passwd']);
  assert.equal(await readFile(join(dir, 'outside/passwd'), 'utf8'), 'root');
  await symlink(join(dir, 'outside/passwd'), join(dir, 'source'));
  await assert.rejects(store.put('k', { file: join(dir, 'source') }, text));
  await assert.rejects(store.put('k', { file: join(dir, 'source'), isFinal: true }, text));
  await assert.rejects(store.put('k', { file: '/dev/zero' }, text), (error) =>
    isGroundcrewError(error, 'storage/bad-source'),
  );
  assert.equal(await store.get('k'), null);
  // An object put where a link stands replaces the link, not what it points to.
  await store.put('leaf', { bytes: Buffer.from('mine') }, text);
  assert.equal(await readFile(join(dir, 'outside/passwd'), 'utf8'), 'root');
});

test('an object and a folder of the same name are refused', async (context) => {
  const store = await openStore(context);
  await store.put('a', { bytes: Buffer.from('x') }, text);
  const isConflict = (error: unknown) => isGroundcrewError(error, 'storage/key-conflict');
  await assert.rejects(store.put('a/b', { bytes: Buffer.from('x') }, text), isConflict);
  await assert.rejects(store.put('a/b', { bytes: Buffer.from('x') }, { ...text, isDownload: true }), isConflict);
  await assert.rejects(store.putIfAbsent('a/b', { bytes: Buffer.from('x') }, text), isConflict);
  await store.put('c/d', { bytes: Buffer.from('x') }, text);
  await assert.rejects(store.put('c', { bytes: Buffer.from('x') }, text), isConflict);
});

test('a kind that cannot be read makes a download', async (context) => {
  const root = await tempDir(context);
  const store = await createDirectoryStore({ root, clock: systemClock });
  await store.put('k', { bytes: Buffer.from('<script>') }, { contentType: 'text/html', visibility: 'public' });
  await writeFile(join(root, 'kinds/k'), '{"contentType":');
  const read = await store.get('k');
  assert.deepEqual([read?.contentType, read?.isDownload], ['application/octet-stream', true]);
  read?.body.destroy();
});

test('a run record and a chunk list are JSON without a note, and what else has their name keeps its own kind', async (context) => {
  const root = await tempDir(context);
  const store = await createDirectoryStore({ root, clock: systemClock });
  const kindOf = async (key: string): Promise<unknown[]> => {
    const read = await store.get(key);
    read?.body.destroy();
    return [read?.contentType, read?.isDownload];
  };
  for (const key of ['a/run.json', 'a/log.chunks']) {
    await store.put(key, { bytes: Buffer.from('[]') }, { contentType: 'application/json', visibility: 'public' });
    assert.deepEqual(await kindOf(key), ['application/json', false]);
  }
  assert.deepEqual(await readdir(join(root, 'kinds')), []);
  await store.put('a/b/run.json', { bytes: Buffer.from('x') }, text);
  assert.deepEqual(await kindOf('a/b/run.json'), [text.contentType, false]);
});

test('puts and deletes of neighbours do not lose each other over vanishing folders', async (context) => {
  const store = await openStore(context);
  const options = { ...text, isTransient: true };
  const busy = Array.from({ length: 8 }, async (_, n) => {
    for (let round = 0; round < 40; round++) {
      const key = `deep/er/${String(n)}`;
      await store.put(key, { bytes: Buffer.from(String(round)) }, options);
      const read = await store.get(key);
      assert.equal(read === null ? null : (await buffer(read.body)).toString(), String(round));
      await store.delete(key);
    }
  });
  await Promise.all(busy);
  for await (const { key } of store.list('')) assert.fail(`left ${key}`);
});

test('the sweep takes old leavings of a killed process and nothing that is young', async (context) => {
  const root = await tempDir(context);
  let now = Date.now();
  const store = await createDirectoryStore({ root, clock: { now: () => now } });
  await writeFile(join(root, 'staging/left'), 'half');
  // A shared file brings an old modification time along; that alone does not make it old.
  await utimes(join(root, 'staging/left'), 1, 1);
  assert.equal(await store.sweep(3_600_000), 0);
  now += 3_700_000;
  assert.equal(await store.sweep(3_600_000), 1);
  assert.deepEqual(await readdir(join(root, 'staging')), []);
});

test('a directory that cannot be used is refused with its path', async (context) => {
  const file = join(await tempDir(context), 'file');
  await writeFile(file, '');
  await assert.rejects(createDirectoryStore({ root: file, clock: systemClock }), (error) =>
    isGroundcrewError(error, 'storage/unusable-directory'),
  );
});
