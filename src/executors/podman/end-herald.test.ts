import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { statOf } from '../guard/guard-state.ts';
import { endHerald, exitFileIn } from './end-herald.ts';

const id = 'd'.repeat(64);

test('the place of the exit status is what conmon was told, and nobody else', () => {
  const argv = ['/usr/bin/conmon', '--api-version', '1', '-c', id, '-u', id, '--exit-dir', '/run/libpod/exits'];
  assert.equal(exitFileIn(argv), `/run/libpod/exits/${id}`);
  assert.equal(exitFileIn(['/bin/sh', ...argv.slice(1)]), null);
  assert.equal(exitFileIn(argv.slice(0, -1)), null);
  assert.equal(exitFileIn(argv.map((word) => (word === id ? '../../etc/passwd' : word))), null);
  assert.equal(exitFileIn([]), null);
});

/** A conmon that is only called so, with a child, and a guard that says when it got the word. */
async function actors(context: TestContext): Promise<{ dir: string; first: number; exitFile: string; heard: string }> {
  const dir = await tempDir(context);
  await mkdir(join(dir, 'exits'));
  const conmon = join(dir, 'conmon');
  await writeFile(conmon, '#!/bin/sh\nsleep 60 & echo $!; wait\n');
  await chmod(conmon, 0o700);
  const parent = spawn('sh', [conmon, '-c', id, '--exit-dir', join(dir, 'exits')], {
    argv0: conmon,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const heard = join(dir, 'heard');
  const guard = spawn(
    'sh',
    ['-c', 'trap "cat container.exit >heard.new; mv heard.new heard" USR1; echo up; while :; do sleep 0.05; done'],
    {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  await once(guard.stdout, 'data');
  const first = Number(said.toString());
  context.after(() => {
    process.kill(first);
    parent.kill('SIGKILL');
    guard.kill('SIGKILL');
  });
  await writeFile(join(dir, 'guard'), `${String(guard.pid)} ${statOf(guard.pid ?? 0)?.startTicks ?? ''}\n`);
  return { dir, first, exitFile: join(dir, 'exits', id), heard };
}

test('the guard hears the status as soon as conmon has written it', async (context) => {
  const { dir, first, exitFile, heard } = await actors(context);
  await writeFile(join(dir, 'bell'), '');
  const herald = endHerald(dir, systemClock);
  await herald.meet(first);
  const telling = herald.tell();
  await writeFile(exitFile, '42');
  await telling;
  await until(() => existsSync(heard), { what: 'the guard to hear' });
  assert.equal(await readFile(heard, 'utf8'), '42\n');
});

test('a guard of an earlier version, which would die of the signal, hears nothing; nor does one without a status', async (context) => {
  const { dir, first, exitFile } = await actors(context);
  const herald = endHerald(dir, systemClock);
  await herald.meet(first);
  await writeFile(exitFile, '42');
  await herald.tell();
  assert.equal(existsSync(join(dir, 'container.exit')), false);
  await writeFile(join(dir, 'bell'), '');
  await writeFile(exitFile, '');
  await herald.tell();
  assert.equal(existsSync(join(dir, 'container.exit')), false);
  const stranger = endHerald(dir, systemClock);
  await writeFile(exitFile, '42');
  await stranger.meet(process.pid);
  await stranger.tell();
  assert.equal(existsSync(join(dir, 'container.exit')), false);
});
