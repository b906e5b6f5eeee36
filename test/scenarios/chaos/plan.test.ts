import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultKinds, planFaults } from './plan.ts';

const order = { seed: 7, lengthMs: 600_000, perKind: 24, kinds: faultKinds };

test('a plan has each fault as often as asked, in order, within its time, and is the same for the same seed', () => {
  const plan = planFaults(order);
  for (const kind of faultKinds) assert.equal(plan.filter((fault) => fault.kind === kind).length, 24);
  assert.deepEqual(
    plan.map(({ atMs }) => atMs),
    plan.map(({ atMs }) => atMs).sort((one, other) => one - other),
  );
  assert.ok(plan.every(({ atMs }) => atMs >= 0 && atMs < order.lengthMs));
  assert.deepEqual(planFaults(order), plan);
  assert.notDeepEqual(planFaults({ ...order, seed: 8 }), plan);
});

test('a long plan silences some workers for longer than the minute after which they are given up, a short one none', () => {
  const isLong = ({ forMs }: { readonly forMs: number }): boolean => forMs > 60_000;
  const kinds = planFaults(order)
    .filter(isLong)
    .map(({ kind }) => kind);
  assert.deepEqual([...new Set(kinds)].sort(), ['kill-machine', 'partition', 'pause-worker']);
  assert.ok(!planFaults({ ...order, lengthMs: 60_000 }).some(isLong));
});
