import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { until } from '../../test/support/until.ts';
import { UsageError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { whenRoom } from './when-room.ts';

const full = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

test('what fails for want of room is done when there is room, however deep the reason lies', async () => {
  const clock = createHandClock();
  const { signal } = new AbortController();
  const failures = [full(), new UsageError('cli/worker-session', 'cannot be written', { cause: full() })];
  const done = whenRoom(
    () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      return 'done';
    },
    { clock, logger: silentLogger, signal },
  );
  for (const left of [1, 0]) {
    await until(() => failures.length === left && clock.waiting === 1);
    clock.pass(5_000);
  }
  assert.equal(await done, 'done');
});

test('what fails otherwise fails at once, and nobody who is told to leave waits for room', async () => {
  const stop = new AbortController();
  const place = { clock: createHandClock(), logger: silentLogger, signal: stop.signal };
  await assert.rejects(
    whenRoom(() => Promise.reject(new Error('EACCES')), place),
    /EACCES/,
  );
  stop.abort();
  await assert.rejects(
    whenRoom(() => Promise.reject(full()), place),
    /ENOSPC/,
  );
});
