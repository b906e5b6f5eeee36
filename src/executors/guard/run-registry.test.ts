import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { createRunRegistry } from './run-registry.ts';

test('a registry lists what was added and not removed, whoever made its directory', async (context) => {
  const dir = join(await tempDir(context), 'made', 'when', 'needed');
  const registry = createRunRegistry(dir);
  registry.add({ id: 'a.1', stateDir: '/a' });
  registry.add({ id: 'a.1', stateDir: '/a' });
  registry.add({ id: 'b.1', stateDir: '/b' });
  registry.remove('b.1');
  registry.remove('b.1');
  assert.deepEqual(await createRunRegistry(dir).list(), [{ id: 'a.1', stateDir: '/a' }]);
});

test('a registry knows the runs that an earlier version wrote down', async (context) => {
  const dir = await tempDir(context);
  writeFileSync(join(dir, 'c.1.json'), '{"id":"c.1","stateDir":"/c"}');
  writeFileSync(join(dir, 'd.1.json.8e33c6544192'), '{"id":');
  const registry = createRunRegistry(dir);
  assert.deepEqual(await registry.list(), [{ id: 'c.1', stateDir: '/c' }]);
  registry.remove('c.1');
  assert.deepEqual(await registry.list(), []);
});
