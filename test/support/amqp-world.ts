import { systemClock } from '../../src/base/clock.ts';
import { silentLogger, type LogFields, type Logger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { AmqpBroker, AmqpQueueOptions } from '../../src/queue/amqp/amqp-options.ts';
import { openAmqpQueue, type AmqpQueue } from '../../src/queue/amqp/amqp-queue.ts';
import type { QueueHarness } from '../../src/queue/hands.contract.ts';
import type { Queue } from '../../src/queue/queue.ts';
import type { RabbitBroker } from './rabbit-broker.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** How a test's client reaches a broker of its own. */
export function brokerOf(broker: RabbitBroker, vhost: string, change: Partial<AmqpBroker> = {}): AmqpBroker {
  return {
    role: 'server',
    hosts: [{ host: '127.0.0.1', port: broker.port }],
    vhost,
    username: broker.username,
    password: () => broker.password,
    tls: null,
    management: { url: broker.managementUrl, username: broker.username, password: () => broker.password },
    ...change,
  };
}

/** A client with short heartbeats. */
export function openTestQueue(
  broker: AmqpBroker,
  logger: Logger = silentLogger,
  change: Partial<AmqpQueueOptions> = {},
): Promise<AmqpQueue> {
  return openAmqpQueue({
    broker,
    clientName: 'test',
    clock: systemClock,
    random: systemRandom,
    logger,
    heartbeatS: 1,
    ...change,
  });
}

/** A virtual host of a real broker for the contract suite; every client comes through a proxy of its own. */
export async function openAmqpBroker(broker: RabbitBroker): Promise<QueueHarness> {
  const vhost = await broker.addVhost();
  const proxies = new Map<Queue, TcpProxy>();
  return {
    patienceMs: 15_000,
    async connect() {
      const proxy = await openTcpProxy(broker.port);
      const queue = await openTestQueue(brokerOf(broker, vhost, { hosts: [{ host: '127.0.0.1', port: proxy.port }] }));
      proxies.set(queue, proxy);
      return queue;
    },
    async cut(queue) {
      proxies.get(queue)?.cutFromServer();
    },
    pass: (timeMs) => new Promise((resolve) => setTimeout(resolve, timeMs)),
    settle: () => new Promise((resolve) => setTimeout(resolve, 300)),
    async close() {
      for (const [queue, proxy] of proxies) {
        await queue.close();
        await proxy.close();
      }
      await broker.api('DELETE', `vhosts/${vhost}`);
    },
  };
}

/** A log as lines: level, message, reason. */
export function linesOf(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const note =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      if (level === 'warn' || level === 'error' || message.includes('again')) {
        lines.push([level, message, fields['why']].filter((part) => part !== undefined).join(' '));
      }
    };
  const logger: Logger = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    with: () => logger,
  };
  return { logger, lines };
}
