import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { brokerOf, linesOf, openTestQueue } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { openTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { until } from '../../../test/support/until.ts';
import { isGroundcrewError, type ErrorCode } from '../../base/errors.ts';
import type { Delivery, Queue } from '../queue.ts';
import type { AmqpBroker } from './amqp-options.ts';
import type { AmqpQueue } from './amqp-queue.ts';

const within = 30_000;

const failsWith =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, code);

/** A consumer that acknowledges and remembers. */
async function listen(queue: Queue, name: string): Promise<string[]> {
  const bodies: string[] = [];
  await queue.consume(name, async ({ body }) => {
    bodies.push(body);
    return 'ack';
  });
  return bodies;
}

suite('RabbitMQ in trouble', needs('rabbitmq'), () => {
  let broker: RabbitBroker;
  before(async () => {
    broker = await openRabbitBroker();
  });
  after(() => broker.close());

  async function open(
    t: TestContext,
    change: Partial<AmqpBroker> = {},
  ): Promise<{ queue: AmqpQueue; lines: string[]; vhost: string }> {
    const vhost = change.vhost ?? (await broker.addVhost());
    const { logger, lines } = linesOf();
    const queue = await openTestQueue(brokerOf(broker, vhost, change), logger);
    t.after(() => queue.close());
    return { queue, lines, vhost };
  }

  test('a queue of orders that refuses everything is made again, one of results never', async (t) => {
    const vhost = await broker.addVhost();
    const { logger, lines } = linesOf();
    const queue = await openTestQueue(brokerOf(broker, vhost), logger, { deafAfterMs: 200 });
    t.after(() => queue.close());
    // Full is as deaf as without a leader, and can be had without killing the broker in the right moment.
    const full = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    for (const name of ['jobs.default', 'news']) {
      await broker.api('PUT', `queues/${vhost}/${name}`, { durable: true, arguments: full });
      assert.equal(await queue.declare(name, {}), 'found');
    }
    const refusals: Record<string, number> = {};
    for (const name of ['jobs.default', 'news']) {
      const until = performance.now() + 2_000;
      while (performance.now() < until && !lines.some((line) => line.includes('to make it again'))) {
        await queue.publish(name, { body: '{}' }).catch((error: unknown) => {
          assert.ok(failsWith('queue/not-stored')(error));
          refusals[name] = (refusals[name] ?? 0) + 1;
        });
      }
      if (name === 'jobs.default') {
        assert.ok((refusals[name] ?? 0) > 0, 'not at the first refusal');
        for (let count = 0; count < 3; count += 1) await queue.publish(name, { body: '{}' });
        assert.ok((await queue.counts(name)).ready >= 3, 'the new one has no such bound');
        lines.length = 0;
      }
    }
    assert.ok((refusals['news'] ?? 0) > 0);
    assert.ok(!lines.some((line) => line.includes('to make it again')));
  });

  test('a fresh start gets over a queue of orders that was left without a leader', { timeout: 180_000 }, async (t) => {
    const { queue, lines } = await open(t);
    const isMadeAnew = (): boolean => lines.some((line) => line.includes('cannot be purged'));
    for (let round = 1; round <= 5 && !isMadeAnew(); round += 1) {
      const name = `jobs.round-${round}`;
      await queue.declare(name, {});
      // The queue is there and its log is empty: in that moment a broker must die to forget who leads it.
      await new Promise((resolve) => setTimeout(resolve, 80));
      await broker.kill();
      await broker.start();
      await queue.purge(name);
      await queue.publish(name, { body: '{}' });
      assert.equal((await queue.counts(name)).ready, 1);
    }
    if (!isMadeAnew()) t.skip('this broker always finds a leader');
  });

  test('a broker that stops and starts again loses nothing, and clients go on by themselves', async (t) => {
    const { queue: server, lines, vhost } = await open(t);
    const { queue: worker } = await open(t, { vhost });
    const states: string[] = [];
    server.onConnection((state) => states.push(state));
    await server.declare('jobs', { ttlMs: 3_600_000, deliveryLimit: 20 });
    await server.declare('news', {});
    const heard: string[] = [];
    await worker.onControl('w1', ({ body }) => heard.push(body));
    const deliveries: Delivery[] = [];
    const consumer = await worker.consume('jobs', async (delivery) => {
      deliveries.push(delivery);
      if (deliveries.length === 1) return new Promise(() => undefined);
      return 'ack';
    });
    for (const body of ['1', '2', '3']) await server.publish('jobs', { body });
    const first = await until(() => deliveries[0], { within });
    await broker.stop();
    await until(() => states.includes('down'), { within });
    const late = server.publish('jobs', { body: '4' });
    await assert.rejects(first.publishConfirmed('news', { body: 'claimed' }), failsWith('queue/claim-unconfirmed'));
    const downAt = performance.now();
    await broker.start();
    const upAt = performance.now();
    await late;
    await until(() => deliveries.length >= 5, { within, what: 'the rest' });
    t.diagnostic(
      `down ${Math.round(upAt - downAt)} ms, consuming ${Math.round(performance.now() - upAt)} ms after the start`,
    );
    assert.deepEqual(deliveries.map(({ body }) => body).toSorted(), ['1', '1', '2', '3', '4']);
    assert.deepEqual(states, ['down', 'up']);
    await assert.rejects(first.publishConfirmed('news', { body: 'claimed' }), failsWith('queue/claim-unconfirmed'));
    assert.deepEqual({ ...(await server.counts('news')) }, { ready: 0, unacked: 0 });
    await server.sendControl('w1', { body: 'resume' });
    await until(() => heard.includes('resume'), { within });
    await consumer.cancel();
    assert.ok(lines.filter((line) => line.startsWith('warn cannot connect')).length < 5, lines.join('\n'));
  });

  test('a connection that has gone silent is noticed by its heartbeat and made again', async (t) => {
    const proxy = await openTcpProxy(broker.port);
    t.after(() => proxy.close());
    const { queue, lines, vhost } = await open(t, { hosts: [{ host: '127.0.0.1', port: proxy.port }] });
    const { queue: other } = await open(t, { vhost });
    await queue.declare('a', {});
    const bodies = await listen(queue, 'a');
    const states: string[] = [];
    queue.onConnection((state) => states.push(state));
    proxy.blackHole();
    const before = performance.now();
    const publishing = queue.publish('a', { body: 'through' });
    await other.publish('a', { body: 'meanwhile' });
    await publishing;
    await until(() => bodies.includes('through') && bodies.includes('meanwhile'), { within });
    const tookMs = performance.now() - before;
    t.diagnostic(`${Math.round(tookMs)} ms with a heartbeat of 1 s`);
    assert.ok(tookMs < 10_000, `${tookMs} ms`);
    assert.deepEqual(states, ['down', 'up']);
    assert.ok(
      lines.some((line) => line.includes('no heartbeat')),
      lines.join('\n'),
    );
  });

  test('a queue that was deleted is made again by whoever uses it first, and every consumer goes on', async (t) => {
    const { queue: server, vhost } = await open(t);
    const { queue: worker, lines } = await open(t, { vhost });
    const { queue: other } = await open(t, { vhost });
    for (const queue of [server, worker, other]) await queue.declare('a', { ttlMs: 3_600_000 });
    const bodies: string[] = [];
    const takers = new Set<string>();
    for (const [name, queue] of [['worker', worker] as const, ['other', other] as const]) {
      await queue.consume('a', async ({ body }) => {
        bodies.push(body);
        takers.add(name);
        return 'ack';
      });
    }
    for (let round = 1; round <= 3; round += 1) {
      await server.publish('a', { body: `${round} before` });
      await until(() => bodies.includes(`${round} before`), { within });
      takers.clear();
      await broker.api('DELETE', `queues/${vhost}/a`);
      if (round > 1) await server.publish('a', { body: `${round} after` });
      else await until(() => lines.some((line) => line.includes('ended a consumer')), { within });
      let sent = 0;
      await until(
        async () => {
          await server.publish('a', { body: `${round} more ${(sent += 1)}` });
          return takers.size === 2;
        },
        { within, what: 'both consumers' },
      );
      await until(() => bodies.filter((body) => body.includes(`${round} more`)).length === sent, { within });
    }
    assert.ok(bodies.includes('2 after') && bodies.includes('3 after'), bodies.join(', '));
    const made = (await broker.api('GET', `queues/${vhost}/a`)) as { arguments: Record<string, unknown> };
    assert.deepEqual(made.arguments, { 'x-queue-type': 'quorum', 'x-message-ttl': 3_600_000 });
  });

  test('a deleted queue that this client never declared is refused, not invented', async (t) => {
    const { queue: server, vhost } = await open(t);
    const { queue: other } = await open(t, { vhost });
    await server.declare('a', {});
    await other.publish('a', { body: '1' });
    await broker.api('DELETE', `queues/${vhost}/a`);
    await assert.rejects(other.publish('a', { body: '2' }), failsWith('queue/not-declared'));
    await assert.rejects(other.purge('a'), failsWith('queue/not-declared'));
    await other.declare('b', {});
    await other.publish('b', { body: '3' });
    assert.equal((await other.counts('b')).ready, 1);
  });

  test('a queue that was purged counts as empty and goes on', async (t) => {
    const { queue, vhost } = await open(t);
    await queue.declare('a', {});
    for (const body of ['1', '2']) await queue.publish('a', { body });
    await broker.api('DELETE', `queues/${vhost}/a/contents`);
    await until(async () => (await queue.counts('a')).ready + (await queue.counts('a')).unacked === 0, { within });
    const bodies = await listen(queue, 'a');
    await queue.publish('a', { body: '3' });
    await until(() => bodies.length === 1, { within });
    assert.deepEqual(bodies, ['3']);
  });

  for (const [what, raise, lower] of [
    ['memory', ['set_vm_memory_high_watermark', '0.0000001'], ['set_vm_memory_high_watermark', '0.4']],
    ['disk', ['set_disk_free_limit', '100000GB'], ['set_disk_free_limit', '1MB']],
  ] as const)
    test(`under a ${what} alarm publishing waits, says so, and goes on afterwards`, async (t) => {
      const { queue, lines } = await open(t);
      const { queue: impatient } = await open(t);
      await impatient.declare('b', {});
      await queue.declare('a', {});
      await broker.control(...raise);
      let sent = 0;
      const publishing = Promise.all(
        ['1', '2', '3'].map(async (body) => {
          await queue.publish('a', { body });
          sent += 1;
        }),
      );
      try {
        await until(() => lines.some((line) => line.includes('takes no messages')), { within });
        // Longer than a silent connection would live: an alarm is no loss.
        await new Promise((resolve) => setTimeout(resolve, 4000));
        assert.equal(sent, 0);
        assert.ok(!lines.some((line) => line.includes('lost the connection')), lines.join('\n'));
        const given = assert.rejects(impatient.publish('b', { body: '4' }), failsWith('queue/closed'));
        const before = performance.now();
        await impatient.close();
        await given;
        assert.ok(performance.now() - before < 6000);
      } finally {
        await broker.control(...lower);
      }
      await publishing;
      assert.equal((await queue.counts('a')).ready, 3);
      assert.ok(
        lines.some((line) => line.includes('takes messages again')),
        lines.join('\n'),
      );
    });

  test('revoked credentials end the connection and every call in one line; given back, it goes on', async (t) => {
    const vhost = await broker.addVhost();
    const grant = async (): Promise<void> => {
      await broker.api('PUT', 'users/worker', { password: 'secret', tags: '' });
      await broker.api('PUT', `permissions/${vhost}/worker`, { configure: '.*', write: '.*', read: '.*' });
    };
    await grant();
    const { queue, lines } = await open(t, { vhost, username: 'worker', password: () => 'secret', management: null });
    await queue.declare('a', {});
    const bodies = await listen(queue, 'a');
    await broker.api('DELETE', 'users/worker');
    const refusal = await until(
      () =>
        queue.publish('a', { body: 'refused' }).then(
          () => null,
          (error: unknown) => (failsWith('queue/refused')(error) ? (error as Error) : null),
        ),
      { within },
    );
    assert.equal(refusal.message, 'the broker does not accept our name or password');
    assert.equal(lines.filter((line) => line.includes('does not accept')).length, 1);
    await grant();
    await until(() => queue.publish('a', { body: 'again' }).then(() => true), { within });
    await until(() => bodies.includes('again'), { within });
  });

  test('what a user may not do is refused for that queue alone', async (t) => {
    const vhost = await broker.addVhost();
    await broker.api('PUT', 'users/guest2', { password: 'secret', tags: '' });
    await broker.api('PUT', `permissions/${vhost}/guest2`, {
      configure: '^mine',
      write: '^(mine|amq\\.default)',
      read: '^mine',
    });
    const { queue: server } = await open(t, { vhost });
    await server.declare('theirs', {});
    const { queue } = await open(t, { vhost, username: 'guest2', password: () => 'secret', management: null });
    await queue.declare('mine', {});
    await assert.rejects(queue.purge('theirs'), failsWith('queue/refused'));
    await assert.rejects(
      queue.consume('theirs', async () => 'ack'),
      failsWith('queue/refused'),
    );
    await queue.publish('mine', { body: '1' });
  });

  test('a message that is larger than this broker takes is refused, and others go on', async (t) => {
    const { queue } = await open(t);
    await queue.declare('a', {});
    await broker.control('eval', 'application:set_env(rabbit, max_message_size, 1000).');
    t.after(() => broker.control('eval', 'application:set_env(rabbit, max_message_size, 134217728).'));
    await assert.rejects(queue.publish('a', { body: 'x'.repeat(5000) }), failsWith('queue/failed'));
    await queue.publish('a', { body: 'small' });
    const taken: string[] = [];
    await queue.consume('a', async (delivery) => {
      await assert.rejects(
        delivery.publishConfirmed('a', { body: 'x'.repeat(2_000_000) }),
        failsWith('queue/message-too-large'),
      );
      taken.push(delivery.body);
      return 'ack';
    });
    await until(() => taken.length === 1, { within });
    assert.deepEqual(taken, ['small']);
  });

  test('without the management API counts know our own hands; with one that is away they are refused', async (t) => {
    const { queue, vhost } = await open(t, { management: null });
    const away = { url: 'http://127.0.0.1:9', username: 'u', password: () => 'p' };
    const { queue: blind } = await open(t, { vhost, management: away });
    await queue.declare('a', {});
    for (const body of ['1', '2']) await queue.publish('a', { body });
    await queue.consume('a', () => new Promise(() => undefined));
    await until(async () => (await queue.counts('a')).unacked === 1, { within });
    assert.deepEqual({ ...(await queue.counts('a')) }, { ready: 1, unacked: 1 });
    await assert.rejects(blind.counts('a'), failsWith('queue/no-counts'));
  });
});
