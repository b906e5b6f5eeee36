import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemRandom } from '../base/random.ts';
import { installationOf } from './worker-installation.ts';

test('every start in a directory is the same installation, and a copy of the directory another one', async (t) => {
  const root = await tempDir(t);
  const [dir, copy] = [join(root, 'worker'), join(root, 'copy')];
  const first = installationOf(dir, systemRandom);
  assert.match(first, /^[0-9a-f]{16}$/);
  assert.equal(installationOf(dir, systemRandom), first);
  await cp(dir, copy, { recursive: true });
  assert.notEqual(installationOf(copy, systemRandom), first);
  assert.equal(await readFile(join(copy, 'installation'), 'utf8'), await readFile(join(dir, 'installation'), 'utf8'));
});

test('a copy of the whole disk is another installation: it was booted by itself', async (t) => {
  const dir = await tempDir(t);
  assert.notEqual(installationOf(dir, systemRandom, 'boot 1'), installationOf(dir, systemRandom, 'boot 2'));
});

test('one that was installed anew, or died while it wrote, gets another id', async (t) => {
  const dir = await tempDir(t);
  const first = installationOf(dir, systemRandom);
  await writeFile(join(dir, 'installation'), '');
  const second = installationOf(dir, systemRandom);
  assert.notEqual(second, first);
  assert.equal(installationOf(dir, systemRandom), second);
  await rm(join(dir, 'installation'));
  assert.notEqual(installationOf(dir, systemRandom), second);
});

test('what cannot be written down is told with the file', async (t) => {
  const dir = await tempDir(t);
  await mkdir(join(dir, 'installation'));
  assert.throws(() => installationOf(dir, systemRandom), {
    code: 'cli/worker-session',
    message: /installation: cannot/,
  });
});
