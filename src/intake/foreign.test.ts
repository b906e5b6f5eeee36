import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openIntakeWorld, viewOf } from '../../test/support/intake-world.ts';
import { aChange, anOrder } from '../../test/support/ledger-world.ts';
import type { Decision, ForeignStatus } from '../ledger/ledger.ts';

test('what another CI shows at a place goes to the ledger with what was decided there', async (t) => {
  const world = openIntakeWorld(t);
  const decisions: Decision[] = [];
  const life = world.open({
    ...world.ledger,
    applyDecision: (decision) => {
      decisions.push(decision);
      return world.ledger.applyDecision(decision);
    },
  });
  const change = aChange(anOrder());
  const foreign = [{ context: 'other', state: 'failure', createdAt: 5, creator: 'other-ci' }] as const;
  world.forge.shows.set(change.key, { ...viewOf(change), foreign });
  await world.deliver('d1', change);
  await world.work(async () => (await world.ledger.pendingDeliveries(9)).length === 0, life);
  assert.deepEqual(
    decisions.map((decision): readonly ForeignStatus[] | undefined => decision.foreign),
    [foreign],
  );
});
