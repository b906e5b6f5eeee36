import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from '../../test/support/needs.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { removeTree } from './remove-tree.ts';

test('links are removed, not what they point to', async (context) => {
  const root = await tempDir(context);
  const dir = join(root, 'work');
  mkdirSync(join(root, 'precious'));
  writeFileSync(join(root, 'precious/file'), 'x');
  mkdirSync(dir);
  symlinkSync(join(root, 'precious'), join(dir, 'link'));
  symlinkSync('/', join(dir, 'root'));
  assert.deepEqual(await removeTree(dir), { kind: 'removed' });
  assert.equal(readFileSync(join(root, 'precious/file'), 'utf8'), 'x');
  assert.deepEqual(await removeTree(dir), { kind: 'removed' }, 'twice is harmless');
});

test('a tree deeper than any path can name is removed', needs('linux'), async (context) => {
  const root = await tempDir(context);
  const script =
    'mkdir "$1" && cd "$1" && i=0 && while [ $i -lt 300 ]; do mkdir -m 755 ddddddddddddddddddddddddddd && cd -P ddddddddddddddddddddddddddd || exit 1; i=$((i+1)); done';
  execFileSync('bash', ['-c', script, 'bash', join(root, 'deep')]);
  assert.deepEqual(await removeTree(join(root, 'deep')), { kind: 'removed' });
});

test('directories without any permission are removed by their owner', needs('root'), async (context) => {
  const root = await tempDir(context);
  const dir = join(root, 'locked');
  mkdirSync(join(dir, 'a/b'), { recursive: true });
  writeFileSync(join(dir, 'a/b/file'), '');
  chmodSync(join(dir, 'a/b'), 0);
  chmodSync(join(dir, 'a'), 0);
  execFileSync('chown', ['-R', '65534:65534', dir]);
  chmodSync(root, 0o777);
  // As a user whom permissions bind: root would not notice.
  const call = `const { removeTree } = await import(${JSON.stringify(join(import.meta.dirname, 'remove-tree.ts'))}); console.log(JSON.stringify(await removeTree(${JSON.stringify(dir)})));`;
  const child = execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `process.setgid(65534); process.setuid(65534); ${call}`,
  ]);
  assert.deepEqual(JSON.parse(child.toString('utf8')), { kind: 'removed' });
  assert.equal(existsSync(dir), false);
});
