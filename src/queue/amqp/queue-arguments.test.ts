import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueArguments } from './queue-arguments.ts';

test('every queue is a quorum queue without priorities', () => {
  assert.deepEqual(queueArguments({}), { 'x-queue-type': 'quorum' });
});

test('time to live, delivery limit and dead letters become arguments; dead letters go at least once', () => {
  assert.deepEqual(queueArguments({ ttlMs: 7_200_000, deliveryLimit: 20, deadLetterTo: 'dead' }), {
    'x-queue-type': 'quorum',
    'x-message-ttl': 7_200_000,
    'x-delivery-limit': 20,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  });
});
