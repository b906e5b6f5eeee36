import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test, type TestContext } from 'node:test';
import type { Channel, Connection } from 'rabbitmq-client';
import { linesOf, openTestQueue } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { openTempDir, removeTempDir } from '../../../test/support/temp-dir.ts';
import {
  makeTestAuthority,
  type CertificateFiles,
  type TestAuthority,
} from '../../../test/support/test-certificates.ts';
import { until } from '../../../test/support/until.ts';
import { isGroundcrewError, type ErrorCode } from '../../base/errors.ts';
import { collectorOptions, collectorQueue, jobQueueOptions } from '../../core/queue-plan.ts';
import type { AmqpBroker } from './amqp-options.ts';
import type { AmqpQueue } from './amqp-queue.ts';
import { openConnection } from './external-connection.ts';
import { serverRights, workerRights } from './rights.ts';

const failsWith =
  (code: ErrorCode, text = /./) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, code) && text.test(error.message);

suite('who may do what on RabbitMQ with certificates', needs('rabbitmq', 'openssl'), () => {
  let directory: string;
  let broker: RabbitBroker;
  let authority: TestAuthority;
  before(async () => {
    directory = await openTempDir();
    authority = await makeTestAuthority(directory, 'ours');
    const { caFile, certFile, keyFile } = await authority.issue('broker', 'DNS:localhost,IP:127.0.0.1');
    broker = await openRabbitBroker({ tls: { caFile, certFile, keyFile } });
  });
  after(async () => {
    await broker.close();
    await removeTempDir(directory);
  });

  async function addMember(vhost: string, name: string): Promise<CertificateFiles> {
    await broker.api('PUT', `users/${name}`, { password_hash: '', tags: '' });
    const rights = name === 'groundcrew-server' ? serverRights() : workerRights(name, ['default']);
    await broker.api('PUT', `permissions/${vhost}/${name}`, rights);
    if (name !== 'groundcrew-server') {
      await broker.api('PUT', `exchanges/${vhost}/groundcrew.to.${name}`, { type: 'fanout', durable: true });
    }
    return authority.issue(name, `DNS:${name}`);
  }

  async function open(
    t: TestContext,
    vhost: string,
    name: string,
  ): Promise<{ queue: AmqpQueue; lines: string[]; files: CertificateFiles }> {
    const files = await addMember(vhost, name);
    const [ca, cert, key] = await Promise.all(
      [files.caFile, files.certFile, files.keyFile].map((file) => readFile(file, 'utf8')),
    );
    const target: AmqpBroker = {
      role: name === 'groundcrew-server' ? 'server' : 'worker',
      hosts: [{ host: 'localhost', port: broker.tlsPort ?? 0 }],
      vhost,
      username: name,
      password: null,
      tls: () => ({ ca: ca ?? '', cert: cert ?? '', key: key ?? '' }),
      management: null,
    };
    const { logger, lines } = linesOf();
    const queue = await openTestQueue(target, logger, { patienceMs: 2000 });
    t.after(() => queue.close());
    return { queue, lines, files };
  }

  /** A worker that keeps to no rule of ours: the bare library with a worker's certificate. */
  async function openRaw(t: TestContext, vhost: string, files: CertificateFiles): Promise<Connection> {
    const [ca, cert, key] = await Promise.all(
      [files.caFile, files.certFile, files.keyFile].map((file) => readFile(file, 'utf8')),
    );
    const tls = { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
    const connection = openConnection({ hostname: 'localhost', port: broker.tlsPort ?? 0, vhost, tls }, 'EXTERNAL');
    connection.on('error', () => undefined);
    t.after(() => {
      connection.unsafeDestroy();
    });
    await connection.onConnect(5000);
    return connection;
  }

  /** The code of the broker's refusal, or what became of the call instead. */
  async function refusal(connection: Connection, call: (channel: Channel) => Promise<unknown>): Promise<string> {
    const channel = await connection.acquire({ emitErrorsFromChannel: true });
    channel.on('error', () => undefined);
    try {
      await call(channel);
      return 'allowed';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    } finally {
      void channel.close();
    }
  }

  const publishing =
    (envelope: Record<string, unknown>) =>
    async (channel: Channel): Promise<void> => {
      await channel.confirmSelect();
      await channel.basicPublish({ durable: true, ...envelope }, '{}');
    };

  test('a worker whose name is in its certificate takes jobs, speaks, and hears; the broker says who spoke', async (t) => {
    const vhost = await broker.addVhost();
    const { queue: server } = await open(t, vhost, 'groundcrew-server');
    await server.holdServerQueue(() => undefined);
    await server.declare(collectorQueue, collectorOptions);
    await server.declare('jobs.default', jobQueueOptions);
    const said: (readonly [string | null, string])[] = [];
    await server.consume(collectorQueue, async ({ from, body }) => {
      said.push([from, body]);
      return 'ack';
    });
    const { queue: worker } = await open(t, vhost, 'w1');
    const heard: string[] = [];
    await worker.onControl('w1', ({ body }) => heard.push(body));
    assert.equal(await worker.declare(collectorQueue, collectorOptions), 'found');
    await worker.consume('jobs.default', async (delivery) => {
      await delivery.publishConfirmed(collectorQueue, { body: `claimed ${delivery.body}` });
      return 'ack';
    });
    await server.publish('jobs.default', { body: 'a job' });
    await server.publish(collectorQueue, { body: 'marker' });
    await worker.publish(collectorQueue, { body: 'hello' });
    await until(() => said.length === 3);
    assert.deepEqual(said.map((each) => each.join(': ')).toSorted(), [
      'groundcrew-server: marker',
      'w1: claimed a job',
      'w1: hello',
    ]);
    await server.sendControl('w1', { body: 'to w1' });
    await server.sendControl('all', { body: 'to all' });
    await server.sendControl('w2', { body: 'to w2' });
    await until(() => heard.length === 2);
    assert.deepEqual(heard.toSorted(), ['to all', 'to w1']);
  });

  test('a worker makes no queue and waits for what the server makes', async (t) => {
    const vhost = await broker.addVhost();
    const { queue: worker } = await open(t, vhost, 'w1');
    await assert.rejects(worker.declare('jobs.default', jobQueueOptions), failsWith('queue/not-declared'));
    await assert.rejects(worker.publish(collectorQueue, { body: 'hello' }), failsWith('queue/not-declared'));
    // `to-all` is not there either.
    await assert.rejects(
      worker.onControl('w1', () => undefined),
      failsWith('queue/not-declared', /broker setup/),
    );
    const { queue: server } = await open(t, vhost, 'groundcrew-server');
    await server.declare(collectorQueue, collectorOptions);
    await server.sendControl('all', { body: 'x' });
    assert.equal(await worker.declare(collectorQueue, collectorOptions), 'found');
    await worker.publish(collectorQueue, { body: 'hello' });
    await worker.onControl('w1', () => undefined);
  });

  test('with a worker’s certificate nobody invents work, forges dead letters, listens to others or speaks for them', async (t) => {
    const vhost = await broker.addVhost();
    const { queue: server } = await open(t, vhost, 'groundcrew-server');
    for (const name of ['jobs.default', 'jobs.other', 'dead-jobs']) await server.declare(name, jobQueueOptions);
    await server.declare(collectorQueue, collectorOptions);
    for (const name of ['all', 'victim']) await server.sendControl(name, { body: 'x' });
    const { queue: victim } = await open(t, vhost, 'victim');
    await victim.onControl('victim', () => undefined);
    const theirs = (await broker.api('GET', `queues/${vhost}`)) as readonly { readonly name: string }[];
    const theirQueue = theirs.find(({ name }) => name.startsWith('groundcrew.control.victim.'))?.name ?? '';
    const files = await addMember(vhost, 'thief');
    const thief = await openRaw(t, vhost, files);
    const own = 'groundcrew.control.thief.0123456789ab';
    const collector = 'groundcrew.collector';
    const attempts: Readonly<Record<string, (channel: Channel) => Promise<unknown>>> = {
      'a job through the default exchange': publishing({ exchange: '', routingKey: 'jobs.default' }),
      'a dead letter': publishing({ exchange: '', routingKey: 'dead-jobs' }),
      'a message past the collector exchange': publishing({ exchange: '', routingKey: 'collector' }),
      'another exchange of the broker': publishing({ exchange: 'amq.fanout', routingKey: 'x' }),
      'a word to another worker': publishing({ exchange: 'groundcrew.to.victim' }),
      'a word to all': publishing({ exchange: 'groundcrew.to-all' }),
      'a word in its own name from above': publishing({ exchange: 'groundcrew.to.thief' }),
      'another queue of its own': (channel) => channel.queueDeclare({ queue: 'thief' }),
      'a job queue': (channel) => channel.queueDeclare({ queue: 'jobs.default+new', durable: true }),
      'a control queue for another': (channel) =>
        channel.queueDeclare({ queue: 'groundcrew.control.victim.0123456789ab', exclusive: true }),
      'the place of the server': (channel) => channel.queueDeclare({ queue: 'groundcrew.server', exclusive: true }),
      'an exchange': (channel) => channel.exchangeDeclare({ exchange: 'groundcrew.to.new', type: 'fanout' }),
      'dead letters of its own queue as jobs': (channel) =>
        channel.queueDeclare({
          queue: own,
          exclusive: true,
          arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'jobs.default' },
        }),
      'what another is told, by binding': async (channel) => {
        await channel.queueDeclare({ queue: own, exclusive: true });
        await channel.queueBind({ queue: own, exchange: 'groundcrew.to.victim' });
      },
      'what all workers say, by binding': async (channel) => {
        await channel.queueDeclare({ queue: own, exclusive: true });
        await channel.queueBind({ queue: own, exchange: collector });
      },
      'what another is told, out of its queue': (channel) =>
        channel.basicConsume({ queue: theirQueue }, () => undefined),
      'what the server is told': (channel) => channel.basicConsume({ queue: 'collector' }, () => undefined),
      'the jobs of another pool': (channel) => channel.basicConsume({ queue: 'jobs.other' }, () => undefined),
      'deleting a job queue': (channel) => channel.queueDelete({ queue: 'jobs.default' }),
      'deleting an exchange': (channel) => channel.exchangeDelete({ exchange: collector }),
      'emptying the collector': (channel) => channel.queuePurge({ queue: 'collector' }),
      'taking the collector off its exchange': (channel) =>
        channel.queueUnbind({ queue: 'collector', exchange: collector }),
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const code = await refusal(thief, attempt);
      assert.ok(code === 'ACCESS_REFUSED' || code === 'RESOURCE_LOCKED', `${what}: ${code}`);
    }
    assert.equal(
      await refusal(thief, publishing({ exchange: collector, userId: 'victim' })),
      'PRECONDITION_FAILED',
      'speaking for another',
    );
    assert.equal(await refusal(thief, publishing({ exchange: collector, userId: 'thief' })), 'allowed');
    assert.equal((await server.counts('jobs.default')).ready, 0);
    // RabbitMQ asks for the right to write to the one exchange and to read the other, and a worker has both. It brings the server
    // nothing but its own words to all, from itself; `broker setup` takes the binding away.
    const leading = refusal(thief, (channel) =>
      channel.exchangeBind({ destination: collector, source: 'groundcrew.to-all' }),
    );
    assert.equal(await leading, 'allowed');
  });

  test('a message that does not say who sent it is from nobody', async (t) => {
    const vhost = await broker.addVhost();
    const { queue: server } = await open(t, vhost, 'groundcrew-server');
    await server.declare(collectorQueue, collectorOptions);
    const from: (string | null)[] = [];
    await server.consume(collectorQueue, async (delivery) => {
      from.push(delivery.from);
      return 'ack';
    });
    const files = await addMember(vhost, 'shy');
    const shy = await openRaw(t, vhost, files);
    assert.equal(await refusal(shy, publishing({ exchange: 'groundcrew.collector' })), 'allowed');
    await until(() => from.length === 1);
    assert.deepEqual(from, ['']);
  });

  test('a worker that is revoked is cut off at once, and told so in one line', async (t) => {
    const vhost = await broker.addVhost();
    const { queue: server } = await open(t, vhost, 'groundcrew-server');
    await server.declare(collectorQueue, collectorOptions);
    await server.sendControl('all', { body: 'x' });
    const { queue: worker, lines } = await open(t, vhost, 'fired');
    await worker.onControl('fired', () => undefined);
    const states: string[] = [];
    worker.onConnection((state) => states.push(state));
    const before = performance.now();
    await broker.api('DELETE', 'users/fired');
    await until(() => states.includes('down'), { within: 5000 });
    t.diagnostic(`cut off after ${String(Math.round(performance.now() - before))} ms`);
    await until(() => lines.some((line) => line.includes('does not accept')), { within: 10_000 });
    await assert.rejects(
      worker.publish(collectorQueue, { body: 'still here?' }),
      failsWith('queue/refused', /does not accept our certificate: has fired been revoked/),
    );
    assert.equal(lines.filter((line) => line.includes('does not accept')).length, 1, lines.join('\n'));
  });

  test('a certificate of another authority is no name', async (t) => {
    const vhost = await broker.addVhost();
    const strangers = await makeTestAuthority(directory, 'strangers');
    await addMember(vhost, 'w9');
    const forged = await strangers.issue('w9', 'DNS:w9');
    const { caFile } = await authority.issue('w8', 'DNS:w8');
    await assert.rejects(openRaw(t, vhost, { ...forged, caFile }));
  });
});
