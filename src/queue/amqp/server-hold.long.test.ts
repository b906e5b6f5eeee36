import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { brokerOf, openTestQueue } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { openTcpProxy } from '../../../test/support/tcp-proxy.ts';
import { until } from '../../../test/support/until.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { AmqpBroker } from './amqp-options.ts';
import type { AmqpQueue } from './amqp-queue.ts';

const within = 30_000;

suite('the one server on a broker', needs('rabbitmq'), () => {
  let broker: RabbitBroker;
  before(async () => {
    broker = await openRabbitBroker();
  });
  after(() => broker.close());

  async function open(t: TestContext, change: Partial<AmqpBroker> = {}): Promise<{ queue: AmqpQueue; vhost: string }> {
    const vhost = change.vhost ?? (await broker.addVhost());
    const queue = await openTestQueue(brokerOf(broker, vhost, change));
    t.after(() => queue.close());
    return { queue, vhost };
  }

  test('one server at a time holds the place; a second is refused in one line, and finds out later', async (t) => {
    const proxy = await openTcpProxy(broker.port);
    t.after(() => proxy.close());
    const { queue: first, vhost } = await open(t, { hosts: [{ host: '127.0.0.1', port: proxy.port }] });
    const { queue: second } = await open(t, { vhost });
    const lost: Error[] = [];
    await first.holdServerQueue((error) => lost.push(error));
    await assert.rejects(
      second.holdServerQueue(() => undefined),
      (error) => {
        assert.ok(isGroundcrewError(error, 'queue/server-held'));
        return !error.message.includes('\n');
      },
    );
    // The first is cut off and the second quicker.
    proxy.cutFromServer();
    await until(() => second.holdServerQueue(() => undefined).then(() => true), { within });
    await until(() => lost.length > 0, { within });
    assert.equal(lost.length, 1);
    await second.close();
    const { queue: third } = await open(t, { vhost });
    await first.close();
    await until(() => third.holdServerQueue(() => undefined).then(() => true), { within });
  });

  test('a server whose machine fell silent is followed by the next one, which waits for that', async (t) => {
    const proxy = await openTcpProxy(broker.port);
    t.after(() => proxy.close());
    const { queue: first, vhost } = await open(t, { hosts: [{ host: '127.0.0.1', port: proxy.port }] });
    const { queue: second } = await open(t, { vhost });
    await first.holdServerQueue(() => undefined);
    proxy.hold();
    await second.holdServerQueue(() => undefined);
  });

  test('the place of the server is kept over a restart of the broker', async (t) => {
    const { queue: first, vhost } = await open(t);
    const lost: Error[] = [];
    await first.holdServerQueue((error) => lost.push(error));
    const states: string[] = [];
    first.onConnection((state) => states.push(state));
    await broker.stop();
    await broker.start();
    await until(() => states.includes('up'), { within });
    const { queue: second } = await open(t, { vhost });
    await until(
      () =>
        second
          .holdServerQueue(() => undefined)
          .then(
            () => false,
            (error: unknown) => isGroundcrewError(error, 'queue/server-held'),
          ),
      {
        within,
      },
    );
    assert.deepEqual(lost, []);
  });
});
