import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from './turns.ts';

const never = new AbortController().signal;

test('as many as may run do, and the others follow in the order of asking', async () => {
  const turns = createTurns(2);
  const order: number[] = [];
  const ask = async (name: number): Promise<() => void> => {
    const leave = await turns.take(never);
    order.push(name);
    return leave ?? assert.fail('no turn');
  };
  const asked = [1, 2, 3, 4].map(ask);
  const [first] = await Promise.all(asked.slice(0, 2));
  assert.deepEqual(order, [1, 2]);
  first?.();
  first?.();
  await asked[2];
  await new Promise(setImmediate);
  assert.deepEqual(order, [1, 2, 3], 'giving back twice makes no second turn');
});

test('who gives up while waiting takes nobody’s turn', async () => {
  const turns = createTurns(1);
  const leave = await turns.take(never);
  const stop = new AbortController();
  const second = turns.take(stop.signal);
  const third = turns.take(never);
  stop.abort();
  assert.equal(await second, null);
  assert.equal(await turns.take(AbortSignal.abort()), null);
  leave?.();
  assert.notEqual(await third, null);
});
