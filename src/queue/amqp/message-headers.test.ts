import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bodyOf, deathOf, deliveryCountOf } from './message-headers.ts';

test('the delivery count is one more than the returns that the broker counted', () => {
  assert.equal(deliveryCountOf({}, false), 1);
  assert.equal(deliveryCountOf({ 'x-delivery-count': 3 }, true), 4);
  // A classic queue flags and does not count.
  assert.equal(deliveryCountOf({}, true), 2);
});

test('the last death counts, in whichever form the broker tells it', () => {
  // As RabbitMQ 3.10 sends it after a message expired in `jobs` and was then rejected in `dead`.
  const rows = [
    { count: 1, exchange: '', queue: 'dead', reason: 'rejected', 'routing-keys': ['dead'], time: 1_700_000_060 },
    { count: 1, exchange: '', queue: 'jobs', reason: 'expired', 'routing-keys': ['jobs'], time: 1_700_000_000 },
  ];
  const first = { 'x-first-death-exchange': '', 'x-first-death-queue': 'jobs', 'x-first-death-reason': 'expired' };
  assert.deepEqual(deathOf({ ...first, 'x-death': rows }), { queue: 'dead', reason: 'rejected' });
  assert.deepEqual(deathOf(first), { queue: 'jobs', reason: 'expired' });
  const last = { 'x-last-death-queue': 'jobs', 'x-last-death-reason': 'delivery_limit' };
  assert.deepEqual(deathOf({ ...first, ...last }), { queue: 'jobs', reason: 'delivery-limit' });
  assert.equal(deathOf({}), null);
  assert.equal(deathOf({ 'x-death': [] }), null);
});

test('headers that anybody made up give a sound answer', () => {
  const names = ['x-delivery-count', 'x-death', 'x-last-death-queue', 'x-last-death-reason', 'x-first-death-reason'];
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.anything()), fc.boolean(), (headers, isRedelivered) => {
      assert.ok(Number.isSafeInteger(deliveryCountOf(headers, isRedelivered)));
      assert.ok(deliveryCountOf(headers, isRedelivered) >= 1);
      const death = deathOf(headers);
      assert.ok(death === null || ['expired', 'rejected', 'delivery-limit'].includes(death.reason));
    }),
  );
});

test('a body is text, however the library decoded it', () => {
  assert.equal(bodyOf(Buffer.from('{"a":"ä"}')), '{"a":"ä"}');
  assert.equal(bodyOf('text'), 'text');
  assert.equal(bodyOf({ a: 1 }), '{"a":1}');
  assert.equal(bodyOf(undefined), '');
});
