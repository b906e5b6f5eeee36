import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';

test('a seed repeats a run exactly, event by event', async () => {
  const first = await simulate(7, { isTraced: true });
  const second = await simulate(7, { isTraced: true });
  assert.deepEqual(second, first);
  assert.ok(first.events >= 200, `only ${String(first.events)} events`);
});

test('tracing changes nothing', async () => {
  const traced = await simulate(11, { isTraced: true });
  const plain = await simulate(11, { isTraced: false });
  assert.deepEqual({ ...plain, timeline: [] }, { ...traced, timeline: [] });
});

test('twenty seeds keep every promise while faults really hit', async () => {
  const faults = new Set<string>();
  for (let seed = 1; seed <= 20; seed += 1) {
    const result = await simulate(seed, { isTraced: false });
    assert.deepEqual(result.violations, [], `seed ${String(seed)}`);
    for (const fault of Object.keys(result.faults)) faults.add(fault);
  }
  assert.ok(
    faults.has('server killed') && faults.has('worker killed') && faults.has('webhook lost'),
    [...faults].join(', '),
  );
});
