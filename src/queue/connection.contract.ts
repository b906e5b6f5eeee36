import assert from 'node:assert/strict';
import { until } from '../../test/support/until.ts';
import { isGroundcrewError } from '../base/errors.ts';
import { bodies, collect, collected, Hands, reach, type QueueClause } from './hands.contract.ts';
import { maxMessageBytes } from './queue.ts';

const queueErrors = (error: unknown): boolean => isGroundcrewError(error) && error.code.startsWith('queue/');

/** What clients share: durability, death of a client, control, close. */
export const connectionClauses: readonly QueueClause[] = [
  {
    title: 'declare makes a queue once and finds it later',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      assert.equal(await one.declare('a', { ttlMs: 60_000 }), 'made');
      await one.publish('a', { body: '1' });
      assert.equal(await other.declare('a', { ttlMs: 60_000 }), 'found');
      await reach(harness, other, { name: 'a', ready: 1, unacked: 0 });
    },
  },
  {
    title: 'what was published is there for others when publish resolves',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      for (let n = 1; n <= 5; n += 1) {
        await one.publish('a', { body: `${n}` });
        assert.equal((await other.counts('a')).ready, n);
      }
    },
  },
  {
    title: 'a body arrives as it was sent, up to the limit and not beyond',
    async check(harness) {
      const queue = await harness.connect();
      await queue.declare('a', {});
      const sent = ['', '{"a":"ä\\u0000\u{1F980}"}', 'x'.repeat(maxMessageBytes)];
      const { got } = await collect(queue, 'a');
      for (const body of sent) await queue.publish('a', { body });
      await collected(harness, got, sent.length);
      assert.ok(bodies(got).every((body, n) => body === sent[n]));
      await assert.rejects(queue.publish('a', { body: 'ä'.repeat(maxMessageBytes / 2 + 1) }), (error) =>
        isGroundcrewError(error, 'queue/message-too-large'),
      );
    },
  },
  {
    title: 'a queue that nobody declared is refused',
    async check(harness) {
      const queue = await harness.connect();
      await assert.rejects(queue.publish('nowhere', { body: '1' }), queueErrors);
      await assert.rejects(
        queue.consume('nowhere', async () => 'ack'),
        queueErrors,
      );
      await assert.rejects(queue.counts('nowhere'), queueErrors);
    },
  },
  {
    title: 'the unanswered delivery of a dead consumer returns, flagged and counted',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      await one.publish('a', { body: '1' });
      const [dead, living] = [new Hands(harness), new Hands(harness)];
      await one.consume('a', dead.take);
      await dead.get(0);
      await other.consume('a', living.take);
      await harness.cut(one);
      const delivery = await living.get(0);
      assert.deepEqual([delivery.body, delivery.isRedelivered, delivery.deliveryCount], ['1', true, 2]);
    },
  },
  {
    title: 'a claim on a lost connection is not confirmed, and a late answer does not take the message from others',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      for (const name of ['a', 'news']) await one.declare(name, {});
      await one.publish('a', { body: '1' });
      const [dead, living] = [new Hands(harness), new Hands(harness)];
      await one.consume('a', dead.take);
      const lost = await dead.get(0);
      await other.consume('a', living.take);
      await harness.cut(one);
      await living.get(0);
      await assert.rejects(lost.publishConfirmed('news', { body: 'claimed' }), (error) =>
        isGroundcrewError(error, 'queue/claim-unconfirmed'),
      );
      dead.answer(0, 'ack');
      await harness.settle();
      await reach(harness, other, { name: 'a', ready: 0, unacked: 1 });
      await reach(harness, other, { name: 'news', ready: 0, unacked: 0 });
      living.answer(0, 'ack');
      await reach(harness, other, { name: 'a', ready: 0, unacked: 0 });
    },
  },
  {
    title: 'publishConfirmed has put its message into the queue when it resolves',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      for (const name of ['a', 'news']) await one.declare(name, {});
      await one.publish('a', { body: '1' });
      const hands = new Hands(harness);
      await one.consume('a', hands.take);
      const delivery = await hands.get(0);
      await delivery.publishConfirmed('news', { body: 'claimed' });
      assert.deepEqual({ ...(await other.counts('news')) }, { ready: 1, unacked: 0 });
      hands.answer(0, 'ack');
      await reach(harness, other, { name: 'a', ready: 0, unacked: 0 });
    },
  },
  {
    title: 'a client that was cut off publishes and consumes again without help',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      await one.declare('b', {});
      const { got } = await collect(one, 'a');
      await other.publish('a', { body: '1' });
      await collected(harness, got, 1);
      await harness.cut(one);
      await harness.settle();
      await other.publish('a', { body: '2' });
      await one.publish('b', { body: '3' });
      await until(() => bodies(got).includes('2'), { within: harness.patienceMs, what: 'the message after the cut' });
      await reach(harness, other, { name: 'b', ready: 1, unacked: 0 });
    },
  },
  {
    title: 'control messages reach the worker that they name, or all that listen, and nobody else',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      const heard: string[] = [];
      await other.sendControl('all', { body: 'too early' });
      const w1 = await one.onControl('w1', ({ body }) => heard.push(`w1 ${body}`));
      await other.onControl('w2', ({ body }) => heard.push(`w2 ${body}`));
      await other.sendControl('w1', { body: 'cancel' });
      await one.sendControl('all', { body: 'drain' });
      await one.sendControl('w2', { body: 'resume' });
      await one.sendControl('w3', { body: 'for nobody here' });
      await collected(harness, heard, 4);
      await harness.settle();
      assert.deepEqual(heard.toSorted(), ['w1 cancel', 'w1 drain', 'w2 drain', 'w2 resume']);
      await w1.cancel();
      await other.sendControl('all', { body: 'who-runs' });
      await collected(harness, heard, 5);
      await harness.settle();
      assert.deepEqual(heard.slice(4), ['w2 who-runs']);
    },
  },
  {
    title: 'close returns what is in hand and ends every call',
    async check(harness) {
      const [one, other] = [await harness.connect(), await harness.connect()];
      await one.declare('a', {});
      await one.publish('a', { body: '1' });
      const [left, living] = [new Hands(harness), new Hands(harness)];
      await one.consume('a', left.take);
      const lost = await left.get(0);
      await one.close();
      await one.close();
      await other.consume('a', living.take);
      assert.equal((await living.get(0)).isRedelivered, true);
      left.answer(0, 'ack');
      await harness.settle();
      await reach(harness, other, { name: 'a', ready: 0, unacked: 1 });
      await assert.rejects(lost.publishConfirmed('a', { body: '2' }), queueErrors);
      await assert.rejects(one.publish('a', { body: '2' }), queueErrors);
      await assert.rejects(
        one.consume('a', async () => 'ack'),
        queueErrors,
      );
    },
  },
];
