/** One message from its publisher to a handler over RabbitMQ, by our queue and by the bare client library. */
import { Connection } from 'rabbitmq-client';
import { brokerOf, openTestQueue } from '../test/support/amqp-world.ts';
import { has } from '../test/support/needs.ts';
import { openRabbitBroker } from '../test/support/rabbit-broker.ts';
import { benchPart, interleaved, milliseconds, took } from './measure.ts';

/** Publishes one message; resolves when it is confirmed and the handler was called. */
type Trip = () => Promise<void>;

await benchPart(async (context) => {
  const rounds = context.isSmoke ? 10 : 1000;
  const what = 'publish → confirmed and handler called over RabbitMQ, p50';
  const target = '≤ 1.5 × the bare client';
  if (!has('rabbitmq')) return [{ what, target, measured: 'no RabbitMQ here', baseline: '', isReached: null }];
  const broker = await openRabbitBroker();
  context.after(() => broker.close());
  const address = brokerOf(broker, await broker.addVhost());
  const body = JSON.stringify({ job: 'x'.repeat(2000) });

  const queue = await openTestQueue(address, undefined, { heartbeatS: 10 });
  context.after(() => queue.close());
  const ours = await ourTrip();
  const connection = new Connection({
    hostname: '127.0.0.1',
    port: broker.port,
    vhost: address.vhost,
    username: broker.username,
    password: broker.password,
    noDelay: true,
  });
  const byHand = await bareTrip();
  for (let warm = 0; warm < rounds / 10; warm += 1) {
    await ours();
    await byHand();
  }
  const result = await interleaved(rounds, { ours: () => took(ours), byHand: () => took(byHand) });
  const ratio = result.ours / result.byHand;
  return [
    {
      what,
      target,
      measured: `${milliseconds(result.ours)} (${ratio.toFixed(2)} ×)`,
      baseline: `${milliseconds(result.byHand)} bare client`,
      isReached: ratio <= 1.5,
    },
  ];

  async function ourTrip(): Promise<Trip> {
    await queue.declare('ours', {});
    let called: () => void = () => undefined;
    await queue.consume('ours', async () => {
      called();
      return 'ack';
    });
    return async () => {
      const heard = new Promise<void>((resolve) => (called = resolve));
      await Promise.all([queue.publish('ours', { body }), heard]);
    };
  }

  async function bareTrip(): Promise<Trip> {
    const [publisher, consumer] = [await connection.acquire(), await connection.acquire()];
    context.after(async () => {
      await publisher.close();
      await consumer.close();
      await connection.close();
    });
    await publisher.queueDeclare({ queue: 'bare', durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await publisher.confirmSelect();
    await consumer.basicQos({ prefetchCount: 1 });
    let called: () => void = () => undefined;
    await consumer.basicConsume({ queue: 'bare' }, ({ deliveryTag }) => {
      called();
      consumer.basicAck({ deliveryTag });
    });
    return async () => {
      const heard = new Promise<void>((resolve) => (called = resolve));
      await Promise.all([publisher.basicPublish({ routingKey: 'bare', durable: true }, Buffer.from(body)), heard]);
    };
  }
});
