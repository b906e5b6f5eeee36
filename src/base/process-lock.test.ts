import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { isGroundcrewError } from './errors.ts';
import { holdServerLock, isProcessLockHeld, tryProcessLock } from './process-lock.ts';

async function startHolder(
  t: TestContext,
  path: string,
): Promise<{ child: ChildProcessByStdio<null, Readable, null>; says: string }> {
  const program = join(import.meta.dirname, 'fixtures', 'lock-holder.ts');
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [says] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { child, says: says.trim() };
}

test('the lock of a live process is refused to others, by pid', async (t) => {
  const path = join(await tempDir(t), 'server.lock');
  const { child, says } = await startHolder(t, path);
  assert.equal(says, 'held');
  assert.equal(isProcessLockHeld(path), true);
  await assert.rejects(holdServerLock(path), (error) => {
    assert.ok(isGroundcrewError(error, 'lock/held'));
    assert.match(error.message, new RegExp(`process ${String(child.pid)} `));
    return true;
  });
});

test('kill -9 frees the lock at once', async (t) => {
  const path = join(await tempDir(t), 'server.lock');
  const { child } = await startHolder(t, path);
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.equal(isProcessLockHeld(path), false);
  await using lock = await holdServerLock(path);
  assert.equal(lock.path, path);
});

test('looking at a lock, from within and without, does not free it', async (t) => {
  const path = join(await tempDir(t), 'server.lock');
  await using _lock = await holdServerLock(path);
  assert.equal(isProcessLockHeld(path), true);
  assert.equal(tryProcessLock(path), null);
  const { says } = await startHolder(t, path);
  assert.match(says, new RegExp(`^lock/held process ${process.pid} `));
});

test('a released lock is free, and its files go when asked', async (t) => {
  const path = join(await tempDir(t), 'server.lock');
  const first = tryProcessLock(path);
  await first?.release();
  await first?.release();
  const second = tryProcessLock(path);
  assert.notEqual(second, null);
  await second?.release({ remove: true });
  assert.equal(existsSync(path), false);
  assert.equal(isProcessLockHeld(path), false);
});

test('a lock in a missing directory is an error, not a held lock', async (t) => {
  const path = join(await tempDir(t), 'missing', 'server.lock');
  await assert.rejects(holdServerLock(path), (error) => isGroundcrewError(error, 'sqlite/cannot-open'));
  assert.equal(isProcessLockHeld(path), false);
});

test('a lock whose holder cannot be noted is held all the same, and names nobody', async (t) => {
  const path = join(await tempDir(t), 'lock');
  // As on a full disk, which only root can make.
  mkdirSync(`${path}.pid`);
  const lock = tryProcessLock(path);
  assert.ok(lock !== null);
  assert.equal(tryProcessLock(path), null);
  await lock.release();
});
