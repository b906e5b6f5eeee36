import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carryOut } from './carry-out.ts';
import type { Hit } from './faults.ts';
import { planFaults, type PlannedFault } from './plan.ts';

const plan = planFaults({ seed: 3, lengthMs: 40, perKind: 4, kinds: ['cut', 'kill-worker'] });

function hitOf({ kind, atMs }: PlannedFault): Hit {
  return { kind, target: String(atMs), beganAt: atMs, endedAt: atMs, seen: 'it hit' };
}

test('each planned fault hits once, and is tried again with another victim until it does', async () => {
  const tries = new Map<number, number[]>();
  const { hits, missed } = await carryOut(
    plan.slice(0, 3),
    async (fault) => {
      const dice = [...(tries.get(fault.atMs) ?? []), fault.dice];
      tries.set(fault.atMs, dice);
      return Promise.resolve(dice.length < 2 ? null : hitOf(fault));
    },
    () => true,
  );
  assert.deepEqual(
    hits.map(({ beganAt }) => beganAt),
    plan.slice(0, 3).map(({ atMs }) => atMs),
  );
  assert.deepEqual(missed, {});
  for (const dice of tries.values()) assert.equal(new Set(dice).size, 2);
});

test('what nobody notices is missed when the house is no longer used', async () => {
  const { hits, missed } = await carryOut(
    plan,
    async (fault) => Promise.resolve(fault.kind === 'cut' ? hitOf(fault) : null),
    () => false,
  );
  assert.equal(hits.length, 4);
  assert.deepEqual(missed, { 'kill-worker': 4 });
});

test('a kind never goes on more than three times at once', async () => {
  const going = { cut: 0, 'kill-worker': 0 };
  let most = 0;
  await carryOut(
    planFaults({ seed: 3, lengthMs: 1, perKind: 10, kinds: ['cut', 'kill-worker'] }),
    async (fault) => {
      const kind = fault.kind as keyof typeof going;
      most = Math.max(most, (going[kind] += 1));
      await new Promise(setImmediate);
      going[kind] -= 1;
      return hitOf(fault);
    },
    () => true,
  );
  assert.equal(most, 3);
});
