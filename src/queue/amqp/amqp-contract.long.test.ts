import { after, before, suite } from 'node:test';
import { openAmqpBroker } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { testQueueContract } from '../queue.contract.ts';

suite('over RabbitMQ', needs('rabbitmq'), () => {
  let broker: RabbitBroker;
  before(async () => {
    broker = await openRabbitBroker();
  });
  after(() => broker.close());
  testQueueContract('amqp', () => openAmqpBroker(broker));
});
