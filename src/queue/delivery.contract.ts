import assert from 'node:assert/strict';
import { bodies, collect, collected, Hands, reach, type QueueClause } from './hands.contract.ts';
import { type Consumer } from './queue.ts';

/** Handing out and answering. */
export const deliveryClauses: readonly QueueClause[] = [
  {
    title: 'messages of one publisher come in the order of its calls',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      const sent = Array.from({ length: 50 }, (_, n) => `${n}`);
      const { got } = await collect(other, 'a');
      await Promise.all(sent.map((body) => one.publish('a', { body })));
      await collected(harness, got, sent.length);
      assert.deepEqual(bodies(got), sent);
    },
  },
  {
    title: 'a consumer has one unanswered delivery, or as many as its prefetch',
    async check(harness) {
      const queue = await harness.connect();
      for (const name of ['a', 'b']) {
        await queue.declare(name, {});
        for (const body of ['1', '2', '3', '4']) await queue.publish(name, { body });
      }
      const [single, triple] = [new Hands(harness), new Hands(harness)];
      await queue.consume('a', single.take);
      await queue.consume('b', triple.take, { prefetch: 3 });
      await triple.get(2);
      await single.get(0);
      await harness.settle();
      assert.deepEqual([single.bodies, triple.bodies], [['1'], ['1', '2', '3']]);
      single.answer(0, 'ack');
      triple.answer(1, 'ack');
      await single.get(1);
      await triple.get(3);
      await harness.settle();
      assert.deepEqual(
        [single.bodies, triple.bodies],
        [
          ['1', '2'],
          ['1', '2', '3', '4'],
        ],
      );
    },
  },
  {
    title: 'a message is unacked until its handler has answered, and gone after ack',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      await one.publish('a', { body: '1' });
      const hands = new Hands(harness);
      await one.consume('a', hands.take);
      const delivery = await hands.get(0);
      assert.deepEqual([delivery.isRedelivered, delivery.deliveryCount, delivery.death], [false, 1, null]);
      await harness.settle();
      await reach(harness, other, { name: 'a', ready: 0, unacked: 1 });
      hands.answer(0, 'ack');
      await reach(harness, other, { name: 'a', ready: 0, unacked: 0 });
    },
  },
  {
    title: 'retry hands the message out again, flagged and counted',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      await queue.publish('a', { body: '1' });
      const hands = new Hands(harness);
      await queue.consume('a', hands.take);
      for (let n = 0; n < 3; n += 1) {
        const delivery = await hands.get(n);
        assert.deepEqual([delivery.body, delivery.isRedelivered, delivery.deliveryCount], ['1', n > 0, n + 1]);
        hands.answer(n, n < 2 ? 'retry' : 'ack');
      }
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 0 });
    },
  },
  {
    title: 'a handler that throws answers retry',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      await queue.publish('a', { body: '1' });
      const flags: boolean[] = [];
      await queue.consume('a', async ({ isRedelivered }) => {
        flags.push(isRedelivered);
        if (!isRedelivered) throw new Error('thrown by the test');
        return 'ack';
      });
      await collected(harness, flags, 2);
      await reach(harness, queue, { name: 'a', ready: 0, unacked: 0 });
      assert.deepEqual(flags, [false, true]);
    },
  },
  {
    title:
      'nothing is delivered after cancel resolved; the delivery in hand may be answered, twice cancelled is harmless',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      const hands = new Hands(harness);
      const consumer = await queue.consume('a', hands.take);
      await queue.publish('a', { body: '1' });
      await hands.get(0);
      await consumer.cancel();
      await consumer.cancel();
      await queue.publish('a', { body: '2' });
      hands.answer(0, 'ack');
      await harness.settle();
      assert.deepEqual(hands.bodies, ['1']);
      await reach(harness, queue, { name: 'a', ready: 1, unacked: 0 });
    },
  },
  {
    title: 'strays of a cancelled consumer go back to the queue',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      const hands = new Hands(harness);
      for (let round = 0; round < 10; round += 1) {
        const consumer = await queue.consume('a', hands.take);
        const publishing = queue.publish('a', { body: `${round}` });
        await consumer.cancel();
        await publishing;
      }
      await harness.settle();
      const inHand = hands.bodies.length;
      await reach(harness, queue, { name: 'a', ready: 10 - inHand, unacked: inHand });
    },
  },
  {
    title: 'a handler that cancels its consumer before it answers leaves the next message to others',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      await one.declare('news', {});
      const taken: string[] = [];
      const consumers: Consumer[] = [];
      consumers.push(
        await one.consume('a', async (delivery) => {
          taken.push(delivery.body);
          await delivery.publishConfirmed('news', { body: `claimed ${delivery.body}` });
          for (const consumer of consumers) await consumer.cancel();
          return 'ack';
        }),
      );
      await one.publish('a', { body: '1' });
      await reach(harness, one, { name: 'news', ready: 1, unacked: 0 });
      await reach(harness, one, { name: 'a', ready: 0, unacked: 0 });
      await one.publish('a', { body: '2' });
      const { got } = await collect(other, 'a');
      await collected(harness, got, 1);
      await harness.settle();
      assert.deepEqual([taken, bodies(got)], [['1'], ['2']]);
      assert.equal(got[0]?.isRedelivered, false);
    },
  },
  {
    title: 'each message goes to one of the consumers, and none is passed over',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      const [first, second] = [new Hands(harness), new Hands(harness)];
      await one.consume('a', first.take);
      await other.consume('a', second.take);
      await one.publish('a', { body: '1' });
      await one.publish('a', { body: '2' });
      await first.get(0);
      await second.get(0);
      assert.deepEqual([...first.bodies, ...second.bodies].sort(), ['1', '2']);
    },
  },
  {
    title: 'purge drops what is ready and leaves what is in hand',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      for (const body of ['1', '2', '3']) await one.publish('a', { body });
      const hands = new Hands(harness);
      await one.consume('a', hands.take);
      await hands.get(0);
      await other.purge('a');
      await reach(harness, other, { name: 'a', ready: 0, unacked: 1 });
      hands.answer(0, 'retry');
      assert.equal((await hands.get(1)).body, '1');
      hands.answer(1, 'ack');
      await reach(harness, one, { name: 'a', ready: 0, unacked: 0 });
      await one.publish('a', { body: '4' });
      assert.equal((await hands.get(2)).body, '4');
    },
  },
];
