import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { until } from '../../test/support/until.ts';
import { silentLogger } from '../base/logger.ts';
import { createHealth } from './health.ts';

test('a worker that can take nothing looks again each ten seconds, and listens once it can', async () => {
  const clock = createHandClock();
  let why: string | null = 'the disk is full';
  let looks = 0;
  let calls = 0;
  const life = new AbortController();
  const health = createHealth({
    refusal: () => {
      looks += 1;
      return Promise.resolve(why);
    },
    clock,
    logger: silentLogger,
    life: () => life.signal,
    onChange: () => {
      calls += 1;
    },
  });
  assert.equal(health.why, null);
  assert.equal(await health.check(), false);
  assert.equal(calls, 1, 'who listens is told');
  assert.equal(await health.check(), false, 'and does not look at each order');
  assert.equal(looks, 1);
  clock.pass(10_000);
  await until(() => looks === 2, { what: 'a second look' });
  assert.equal(health.why, 'the disk is full');
  why = null;
  clock.pass(10_000);
  await until(() => calls === 2, { what: 'the call when all is well' });
  assert.equal(health.why, null);
  assert.equal(await health.check(), true);
  life.abort();
});

test('a look that fails is a refusal', async () => {
  const life = new AbortController();
  const health = createHealth({
    refusal: () => Promise.reject(new Error('no such directory')),
    clock: createHandClock(),
    logger: silentLogger,
    life: () => life.signal,
    onChange: () => undefined,
  });
  assert.equal(await health.check(), false);
  life.abort();
});
