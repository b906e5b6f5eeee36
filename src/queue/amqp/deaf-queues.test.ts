import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeafQueues } from './deaf-queues.ts';

test('a queue is deaf when it refused for a minute and took nothing between', () => {
  let now = 1_000;
  const queues = createDeafQueues({ monotonic: () => now });
  assert.equal(queues.refused('jobs.default'), false);
  now += 59_000;
  assert.equal(queues.refused('jobs.default'), false);
  assert.equal(queues.refused('jobs.other'), false);
  now += 1_000;
  assert.equal(queues.refused('jobs.default'), true);
  queues.heard('jobs.default');
  assert.equal(queues.refused('jobs.default'), false, 'it begins anew');
  now += 60_000;
  assert.equal(queues.refused('jobs.other'), true);
});
