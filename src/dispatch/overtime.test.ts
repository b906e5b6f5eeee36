import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import { createOvertime, overtimeMs } from './overtime.ts';

const attempt = (nonce: string) => ({ jobId: anOrder().id, generation: 1, n: 1, nonce, worker: 'w', isOwner: true });
const [a, b] = [attempt('a'), attempt('b')];

test('who is heard after the time limit and the grace is to be given up, and nobody a moment earlier', () => {
  const clock = createHandClock();
  const overtime = createOvertime(clock);
  overtime.heard(a, 1_000);
  overtime.heard(b, 60_000);
  clock.pass(1_000 + overtimeMs);
  overtime.heard(a, 1_000);
  overtime.heard(b, 60_000);
  assert.deepEqual(overtime.over([a, b]), []);
  clock.pass(1);
  assert.deepEqual(overtime.over([a, b]), [], 'only what is heard goes on');
  overtime.heard(a, 1_000);
  overtime.heard(b, 60_000);
  assert.deepEqual(overtime.over([a, b]), [a]);
});

test('a worker that says later that its job may take longer gets no more time', () => {
  const clock = createHandClock();
  const overtime = createOvertime(clock);
  overtime.heard(a, 1_000);
  clock.pass(1_001 + overtimeMs);
  overtime.heard(a, 100 * overtimeMs);
  assert.deepEqual(overtime.over([a]), [a]);
});

test('what nobody said anything of since the server began has all its time before it', () => {
  const clock = createHandClock();
  clock.pass(100 * overtimeMs);
  const overtime = createOvertime(clock);
  assert.deepEqual(overtime.over([a]), []);
  overtime.heard(a, 1_000);
  assert.deepEqual(overtime.over([a]), []);
});

test('who ended is forgotten', () => {
  const clock = createHandClock();
  const overtime = createOvertime(clock);
  overtime.heard(a, 1_000);
  assert.deepEqual(overtime.over([]), []);
  clock.pass(1_001 + overtimeMs);
  overtime.heard(a, 1_000);
  assert.deepEqual(overtime.over([a]), [], 'the same nonce would be another attempt');
});

test('another worker cannot begin an attempt’s time', () => {
  const clock = createHandClock();
  const overtime = createOvertime(clock);
  overtime.heard({ ...a, worker: 'another' }, 1);
  clock.pass(2 + overtimeMs);
  overtime.heard(a, 60_000);
  assert.deepEqual(overtime.over([a]), []);
});
