import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { nextSession } from './worker-session.ts';

test('each start has a larger number, also within a second and after the clock was set back', async (t) => {
  const dir = await tempDir(t);
  const first = nextSession(dir, createHandClock());
  const second = nextSession(dir, createHandClock());
  const third = nextSession(dir, createHandClock(1_000_000));
  assert.deepEqual([second - first, third - second], [1, 1]);
});

test('a worker that lost its directory is not taken for an echo of its past', async (t) => {
  const dir = join(await tempDir(t), 'worker');
  const clock = createHandClock();
  const before = nextSession(dir, clock);
  await rm(dir, { recursive: true });
  clock.pass(5_000);
  assert.ok(nextSession(dir, clock) > before);
  await writeFile(join(dir, 'session'), 'rubbish');
  clock.pass(5_000);
  assert.ok(nextSession(dir, clock) > before);
});

test('a number that cannot be written down is told with the file and the reason', async (t) => {
  const dir = await tempDir(t);
  // A directory in the place of the draft: refused to root, too.
  await mkdir(join(dir, 'session.new'));
  assert.throws(() => nextSession(dir, createHandClock()), {
    name: 'UsageError',
    code: 'cli/worker-session',
    message: /session: cannot be written \(EISDIR.*see to the disk/,
  });
});
