import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeafQueues } from './deaf-queues.ts';

test('a queue is deaf when it refused for a minute and took nothing between', () => {
  let now = 1_000;
  const queues = createDeafQueues({ monotonic: () => now });
  assert.equal(queues.refused('jobs.default', now), false);
  now += 59_000;
  assert.equal(queues.refused('jobs.default', now), false);
  assert.equal(queues.refused('jobs.other', now), false);
  now += 1_000;
  assert.equal(queues.refused('jobs.default', now), true);
  queues.heard('jobs.default');
  assert.equal(queues.refused('jobs.default', now), false, 'it begins anew');
  now += 60_000;
  assert.equal(queues.refused('jobs.other', now), true);
});

test('a refusal that took a minute to come is enough, unless the queue took another message meanwhile', () => {
  let now = 0;
  const queues = createDeafQueues({ monotonic: () => now });
  now = 65_000;
  assert.equal(queues.refused('jobs.default', 0), true);
  now = 100_000;
  queues.heard('jobs.other');
  now = 130_000;
  assert.equal(queues.refused('jobs.other', 65_000), false);
  now = 160_000;
  assert.equal(queues.refused('jobs.other', 130_000), true);
});
