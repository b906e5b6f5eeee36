import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { createRunRegistry } from './run-registry.ts';

test('a registry lists what was added and not removed, and takes away what was killed half-written', async (context) => {
  const dir = await tempDir(context);
  const registry = createRunRegistry(dir);
  await registry.add({ id: 'a.1', stateDir: '/a' });
  await registry.add({ id: 'b.1', stateDir: '/b' });
  await registry.remove('b.1');
  writeFileSync(join(dir, 'c.1.json.8e33c6544192'), '{"id":');
  assert.deepEqual(await createRunRegistry(dir).list(), [{ id: 'a.1', stateDir: '/a' }]);
  assert.deepEqual(readdirSync(dir), ['a.1.json']);
});
