import { existsSync } from 'node:fs';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../base/clock.ts';
import { bootId, createGuardState, isRunning, readIdentity, readText } from './guard-state.ts';
import { placeGuardScript } from './guard-script.ts';
import { startGuard } from './start-guard.ts';

for (const { title, isLeft, isKilled } of [
  {
    title: 'a container whose engine was killed before it started is not called removed',
    isLeft: true,
    isKilled: true,
  },
  {
    title: 'a container that is dead is removed by the guard when its engine was killed',
    isLeft: false,
    isKilled: true,
  },
  { title: 'a container whose engine returned by itself is gone already', isLeft: false, isKilled: false },
]) {
  test(title, async (context) => {
    const stateDir = await tempDir(context);
    const notes = {
      id: 'a.1.1',
      nonce: randomBytes(8).toString('hex'),
      kind: 'container',
      imageDigest: null,
      cgroups: [],
      marker: 'f'.repeat(64),
    } as const;
    const dir = createGuardState(stateDir, { ...notes, bootId: bootId() });
    // What waits in a container that was made: it is nobody's child that we know, and carries no nonce.
    const first = spawn('sleep', ['60'], { stdio: 'ignore' });
    context.after(() => first.kill('SIGKILL'));
    if (!isLeft) {
      first.kill('SIGKILL');
      await once(first, 'exit');
    }
    await writeFile(
      join(dir, 'engine.sh'),
      `echo ${String(first.pid)} >container.pid\n${isKilled ? 'kill -KILL $$' : ''}\n`,
    );
    // The engine has forgotten it: nothing to wait for, and nothing to remove.
    await writeFile(join(dir, 'wait.sh'), 'exit 125\n');
    await writeFile(join(dir, 'remove.sh'), 'echo >asked\n');
    const path = process.env['PATH'] ?? '';
    const script = await placeGuardScript(stateDir);
    const order = { script, dir, kind: 'container', notes, timeoutMs: 60_000, graceMs: 100, path } as const;
    await startGuard({ ...order, argv: ['sh', 'engine.sh'] }, systemClock);
    const guard = readIdentity(join(dir, 'guard'));
    assert.ok(guard);
    await until(() => !isRunning(guard), { what: 'the guard to end' });
    assert.equal(readText(join(dir, 'ended')), isKilled ? '137' : '0');
    assert.equal(existsSync(join(dir, 'done')), true);
    assert.equal(existsSync(join(dir, 'asked')), isKilled, 'the engine is asked again only if it may not have done it');
    assert.equal(existsSync(join(dir, 'removed')), !isLeft);
    assert.equal(existsSync(join(dir, 'unstarted')), isLeft, 'nothing of the job has run, so 137 is no verdict');
  });
}

test('a guard whose watch is stopped by the job ends all the same', async (context) => {
  const stateDir = await tempDir(context);
  const notes = {
    id: 'a.1.1',
    nonce: randomBytes(8).toString('hex'),
    kind: 'group',
    imageDigest: null,
    cgroups: [],
    marker: 'f'.repeat(64),
  } as const;
  const dir = createGuardState(stateDir, { ...notes, bootId: bootId() });
  const path = process.env['PATH'] ?? '';
  // Whoever runs as our user can stop what it finds: here the guard's child that has a sleep. Others' may stand behind it in the list.
  const stopWatch = `guard=$(cut -d' ' -f1 guard); sleep 0.2
    for pid in $(ps -e -o ppid=,comm= | awk '$2 == "sleep" { print $1 }'); do
      [ "$(ps -o ppid= -p "$pid" | tr -d ' ')" = "$guard" ] && kill -STOP "$pid" && echo "$pid" >stopped
    done; true`;
  const script = await placeGuardScript(stateDir);
  const order = { script, dir, kind: 'group', notes, timeoutMs: 60_000, graceMs: 100, path } as const;
  await startGuard({ ...order, argv: ['sh', '-c', stopWatch] }, systemClock);
  const guard = readIdentity(join(dir, 'guard'));
  assert.ok(guard);
  await until(() => !isRunning(guard), { what: 'the guard to end' });
  assert.notEqual(readText(join(dir, 'stopped')), null, 'the watch was found');
  assert.equal(readText(join(dir, 'ended')), '0');
});
