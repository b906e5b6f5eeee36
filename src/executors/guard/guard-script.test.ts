import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { placeGuardScript } from './guard-script.ts';

const inCheckout = readFileSync(join(import.meta.dirname, 'guard.sh'), 'utf8');
/** What a shell makes of it: nothing of its comments. */
const guard = inCheckout
  .split('\n')
  .filter((line, at) => at === 0 || !/^\s*#/.test(line))
  .join('\n');

test('many runs that begin at once get one script, and again when somebody took it away', async (context) => {
  const dir = join(await tempDir(context), 'runs');
  for (const _ of ['first', 'again']) {
    const paths = new Set(await Promise.all(Array.from({ length: 20 }, () => placeGuardScript(dir))));
    assert.equal(paths.size, 1);
    const [path = ''] = paths;
    assert.equal(readFileSync(path, 'utf8'), guard);
    assert.deepEqual(readdirSync(dir), [basename(path)]);
    rmSync(path);
  }
});

test('scripts of other versions go, and drafts of killed processes, but not what somebody writes now', async (context) => {
  const dir = await tempDir(context);
  for (const name of ['guard-000000000000.sh', 'guard-1.sh.dead', 'guard-1.sh.alive', 'a.1.1.run']) {
    writeFileSync(join(dir, name), '');
  }
  utimesSync(join(dir, 'guard-1.sh.dead'), 1, 1);
  const path = await placeGuardScript(dir);
  assert.deepEqual(readdirSync(dir).sort(), ['a.1.1.run', 'guard-1.sh.alive', basename(path)].sort());
});

test('a script that a loss of power left empty is written again', async (context) => {
  const name = basename(await placeGuardScript(await tempDir(context)));
  const dir = await tempDir(context);
  writeFileSync(join(dir, name), '');
  assert.equal(readFileSync(await placeGuardScript(dir), 'utf8'), guard);
});
