import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createBell } from './bell.ts';
import { systemClock } from './clock.ts';

test('a ring while somebody waits ends the wait', async () => {
  const bell = createBell(systemClock);
  const waiting = bell.wait(null, new AbortController().signal);
  bell.ring();
  await waiting;
});

test('a ring before the wait is kept, until it is reset', async () => {
  const bell = createBell(systemClock);
  bell.ring();
  await bell.wait(null, new AbortController().signal);
  bell.reset();
  const outcome = await Promise.race([
    bell.wait(null, new AbortController().signal).then(() => 'rung'),
    Promise.resolve('silent'),
  ]);
  assert.equal(outcome, 'silent');
});

test('a wait ends by time or abort, and leaves no listener on the signal', async () => {
  const bell = createBell(systemClock);
  const stop = new AbortController();
  await bell.wait(1, stop.signal);
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
  const waiting = bell.wait(null, stop.signal);
  stop.abort();
  await waiting;
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0);
});
