import assert from 'node:assert/strict';
import { test } from 'node:test';
import { age, elapsed } from './elapsed.ts';

test('lengths of time are told in two units at most', () => {
  const told = [0, 850, 12_000, 60_000, 200_000, 7_500_000, 90_000_000, -5].map(elapsed);
  assert.deepEqual(told, ['0ms', '850ms', '12s', '1m', '3m 20s', '2h 5m', '1d 1h', '0ms']);
});

test('ages are told in one unit; a clock that stepped back is now', () => {
  const told = [0, 999, 40_000, 300_000, 10_800_000, 1_036_800_000, -10_000].map((ago) => age(1e12 - ago, 1e12));
  assert.deepEqual(told, ['now', 'now', '40s', '5m', '3h', '12d', 'now']);
});
