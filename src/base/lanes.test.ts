import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLanes } from './lanes.ts';

test('what has one name goes on in order, also behind a failure, and different names at once', async () => {
  const lanes = createLanes();
  const seen: string[] = [];
  const first = Promise.withResolvers<undefined>();
  const running = [
    lanes.run('a', async () => {
      seen.push('a1');
      await first.promise;
      throw new Error('a1 failed');
    }),
    lanes.run('a', async () => seen.push('a2')),
    lanes.run('b', async () => seen.push('b1')),
  ];
  await running[2];
  assert.deepEqual(seen, ['a1', 'b1']);
  first.resolve(undefined);
  await assert.rejects(async () => running[0], /a1 failed/);
  await running[1];
  assert.deepEqual(seen, ['a1', 'b1', 'a2']);
});

test('it is settled when all that came before has ended, well or not, and no sooner', async () => {
  const lanes = createLanes();
  const one = Promise.withResolvers<undefined>();
  let isSettled = false;
  const failing = lanes.run('a', () => one.promise);
  const settled = lanes.settled().then(() => (isSettled = true));
  const later = lanes.run('b', () => new Promise(() => undefined));
  await new Promise(setImmediate);
  assert.equal(isSettled, false);
  one.reject(new Error('no'));
  await assert.rejects(failing, /no/);
  await settled;
  void later;
});
