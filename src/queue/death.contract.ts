import assert from 'node:assert/strict';
import { bodies, collect, collected, Hands, reach, type QueueClause } from './hands.contract.ts';

/** Dead letters: refused, returned too often, expired. */
export const deathClauses: readonly QueueClause[] = [
  {
    title: 'reject dead-letters the message with queue and reason',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('dead', {});
      await queue.declare('a', { deadLetterTo: 'dead' });
      await queue.publish('a', { body: '1' });
      await queue.consume('a', async () => 'reject');
      const { got } = await collect(queue, 'dead');
      await collected(harness, got, 1);
      assert.equal(got[0]?.body, '1');
      assert.deepEqual(got[0].death, { queue: 'a', reason: 'rejected' });
      assert.equal(got[0].isRedelivered, false);
    },
  },
  {
    title: 'a message that was returned more often than the limit is dead-lettered with the reason',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('dead', {});
      await queue.declare('a', { deadLetterTo: 'dead', deliveryLimit: 2 });
      await queue.publish('a', { body: 'poison' });
      await queue.publish('a', { body: 'sound' });
      let poisoned = 0;
      const sound = new Hands(harness);
      await queue.consume('a', async (delivery) => {
        if (delivery.body === 'sound') return sound.take(delivery);
        poisoned += 1;
        return 'retry';
      });
      const { got } = await collect(queue, 'dead');
      await collected(harness, got, 1);
      assert.deepEqual([got[0]?.body, got[0]?.death], ['poison', { queue: 'a', reason: 'delivery-limit' }]);
      assert.equal(poisoned, 3);
      await sound.get(0);
      sound.answer(0, 'ack');
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 0 });
    },
  },
  {
    title: 'a message that nobody takes in time is dead-lettered as expired, one in hand is not',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('dead', {});
      await queue.declare('a', { deadLetterTo: 'dead', ttlMs: 300 });
      await queue.publish('a', { body: 'in hand' });
      const hands = new Hands(harness);
      await queue.consume('a', hands.take);
      await hands.get(0);
      await queue.publish('a', { body: 'ready' });
      const { got } = await collect(queue, 'dead');
      await harness.pass(400);
      await collected(harness, got, 1);
      await harness.settle();
      assert.deepEqual(bodies(got), ['ready']);
      assert.deepEqual(got[0]?.death, { queue: 'a', reason: 'expired' });
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 1 });
      hands.answer(0, 'ack');
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 0 });
      assert.deepEqual(hands.bodies, ['in hand']);
    },
  },
  {
    title: 'an expired message is not handed out, also when the consumer comes late',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('dead', {});
      await queue.declare('a', { deadLetterTo: 'dead', ttlMs: 300 });
      await queue.publish('a', { body: 'old' });
      await harness.pass(400);
      await queue.publish('a', { body: 'new' });
      const { got } = await collect(queue, 'a');
      await collected(harness, got, 1);
      await reach(harness, queue, { name: 'dead', ready: 1, unacked: 0 });
      assert.deepEqual(bodies(got), ['new']);
    },
  },
  {
    title: 'without a dead-letter queue dead messages are dropped and the queue goes on',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      const seen: string[] = [];
      await queue.consume('a', async ({ body }) => {
        seen.push(body);
        return body === 'bad' ? 'reject' : 'ack';
      });
      await queue.publish('a', { body: 'bad' });
      await queue.publish('a', { body: 'good' });
      await collected(harness, seen, 2);
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 0 });
      assert.deepEqual(seen, ['bad', 'good']);
    },
  },
];
