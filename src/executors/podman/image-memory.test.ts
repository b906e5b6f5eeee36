import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { createImageMemory } from './image-memory.ts';
import type { LocalImage } from './image.ts';

const image: LocalImage = { id: 'a'.repeat(64), digest: `sha256:${'b'.repeat(64)}`, user: '' };
const other: LocalImage = { ...image, id: 'c'.repeat(64) };

test('an image is remembered, by every worker, until the storage changes its list', async (context) => {
  const dir = await tempDir(context);
  const list = join(dir, 'images.json');
  await writeFile(list, '[]');
  const file = join(dir, 'cache/podman-images.json');
  const memory = createImageMemory(file, list);
  const stamp = await memory.stamp();
  assert.notEqual(stamp, null);
  assert.equal(await memory.recall('x:1', stamp), null);
  await memory.keep('x:1', image, stamp);
  await memory.keep('y:1', other, stamp);
  const later = createImageMemory(file, list);
  assert.deepEqual(await later.recall('x:1', await later.stamp()), image);
  assert.deepEqual(await later.recall('y:1', await later.stamp()), other);
  assert.equal(await later.recall('toString', await later.stamp()), null);
  // As the storage does it: the same bytes in a new file are a change, too.
  await writeFile(join(dir, 'draft'), '[]');
  await rename(join(dir, 'draft'), list);
  assert.equal(await later.recall('x:1', await later.stamp()), null);
});

test('a change while an image was looked up is not missed', async (context) => {
  const dir = await tempDir(context);
  const list = join(dir, 'images.json');
  await writeFile(list, '[]');
  const memory = createImageMemory(join(dir, 'cache.json'), list);
  const before = await memory.stamp();
  await writeFile(list, '[{"id":"new"}]');
  await memory.keep('x:1', image, before);
  assert.equal(await memory.recall('x:1', await memory.stamp()), null);
});

test('nothing is remembered without a list, after a failure, or on a disk that refuses', async (context) => {
  const dir = await tempDir(context);
  const list = join(dir, 'images.json');
  await writeFile(list, '[]');
  for (const blind of [
    createImageMemory(join(dir, 'a.json'), null),
    createImageMemory(join(dir, 'b.json'), join(dir, 'no')),
  ]) {
    assert.equal(await blind.stamp(), null);
    await blind.keep('x:1', image, null);
    assert.equal(await blind.recall('x:1', null), null);
  }
  const memory = createImageMemory(join(dir, 'c.json'), list);
  const stamp = await memory.stamp();
  await memory.keep('x:1', image, stamp);
  await memory.forget();
  await memory.forget();
  assert.equal(await memory.recall('x:1', stamp), null);
  await mkdir(join(dir, 'd.json'));
  const refused = createImageMemory(join(dir, 'd.json'), list);
  await refused.keep('x:1', image, stamp);
  assert.equal(await refused.recall('x:1', stamp), null);
});
