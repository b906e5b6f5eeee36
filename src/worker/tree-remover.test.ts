import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { createTreeRemover } from './tree-remover.ts';

test('what comes within a moment is removed together, and each hears of its own', async (context) => {
  const root = await tempDir(context);
  const clock = createHandClock();
  const remover = createTreeRemover({ gatherMs: 500, clock });
  const dirs = ['one', 'two', 'three'].map((name) => join(root, name));
  for (const dir of dirs) {
    await mkdir(join(dir, 'below'), { recursive: true });
    await writeFile(join(dir, 'below/file'), 'x');
  }
  const [one = '', two = '', three = ''] = dirs;
  const first = remover.remove(one);
  clock.pass(300);
  const second = remover.remove(two);
  // Nothing else waits: the second goes when the first does.
  assert.deepEqual([clock.waiting, existsSync(one)], [1, true]);
  clock.pass(200);
  assert.deepEqual(await Promise.all([first, second]), [{ kind: 'removed' }, { kind: 'removed' }]);
  assert.deepEqual([one, two, three].map(existsSync), [false, false, true]);
  const third = remover.remove(three);
  clock.pass(500);
  assert.deepEqual([await third, existsSync(three)], [{ kind: 'removed' }, false]);
});

test('one that cannot be removed does not keep the others', async (context) => {
  const root = await tempDir(context);
  const clock = createHandClock();
  const remover = createTreeRemover({ gatherMs: 1, clock });
  await mkdir(join(root, 'one'));
  // An entry of the kernel's own, which rm(1) may not take away, root or not.
  const removals = Promise.all([remover.remove('/proc/self/fdinfo'), remover.remove(join(root, 'one'))]);
  clock.pass(1);
  assert.deepEqual(
    (await removals).map(({ kind }) => kind),
    ['left', 'removed'],
  );
});

test('one that takes long holds up no other', async (context) => {
  const root = await tempDir(context);
  const clock = createHandClock();
  const gate = join(root, 'gate');
  const bin = join(root, 'bin');
  await mkdir(bin);
  const rm = `#!/bin/sh
case " $* " in */slow" "*) while ! [ -e '${gate}' ]; do sleep 0.05; done ;; esac
PATH=/usr/bin:/bin exec rm "$@"
`;
  await writeFile(join(bin, 'rm'), rm, { mode: 0o755 });
  const [slow, quick] = [join(root, 'slow'), join(root, 'quick')];
  for (const dir of [slow, quick]) await mkdir(dir);
  const remover = createTreeRemover({ gatherMs: 1, clock, togetherMs: 50, path: `${bin}:/usr/bin:/bin` });
  const first = remover.remove(slow);
  const second = remover.remove(quick);
  clock.pass(1);
  assert.deepEqual(await second, { kind: 'removed' });
  assert.ok(existsSync(slow));
  await writeFile(gate, '');
  assert.deepEqual(await first, { kind: 'removed' });
});
