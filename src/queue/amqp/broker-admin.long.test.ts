import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { brokerOf, openTestQueue } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { until } from '../../../test/support/until.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { collectorOptions, collectorQueue, jobQueueOptions, parkedQueue } from '../../core/queue-plan.ts';
import type { AmqpManagement } from './amqp-options.ts';
import { applyChange, endConnections, readBroker, readBrokerHealth } from './broker-admin.ts';
import { planBroker, type BrokerMembers } from './broker-plan.ts';

suite('looking after RabbitMQ over its management API', needs('rabbitmq'), () => {
  let broker: RabbitBroker;
  let api: AmqpManagement;
  before(async () => {
    broker = await openRabbitBroker();
    api = { url: broker.managementUrl, username: broker.username, password: () => broker.password };
  });
  after(() => broker.close());

  const membersOf = (vhost: string): BrokerMembers => ({
    vhost,
    server: 's',
    workers: [
      { name: 'w1', pools: ['default'] },
      { name: 'w.2', pools: ['default', 'lab'] },
    ],
    revoked: [],
    managers: [broker.username],
  });

  async function tend(members: BrokerMembers): Promise<readonly string[]> {
    const changes = planBroker(members, await readBroker(api, members.vhost));
    for (const change of changes) await applyChange(api, change);
    return changes.map(({ what }) => what);
  }

  test('what is applied is found again, so that the second time nothing is left', async () => {
    const members = membersOf('a/b c');
    assert.equal((await tend(members)).length, 15);
    assert.deepEqual(await tend(members), []);
    await broker.api('DELETE', `exchanges/a%2Fb%20c/groundcrew.to.w1`);
    await broker.api('PUT', `permissions/a%2Fb%20c/w.2`, { configure: '.*', write: '.*', read: '.*' });
    assert.deepEqual(await tend(members), ['permissions of w.2', 'exchange groundcrew.to.w1']);
    assert.deepEqual(await tend(members), []);
  });

  test('queues as our server makes them are right, others are told; a stray binding is taken away', async (t) => {
    const members = membersOf('made');
    await tend(members);
    await broker.api('PUT', `permissions/made/${broker.username}`, { configure: '.*', write: '.*', read: '.*' });
    const queue = await openTestQueue(brokerOf(broker, 'made'));
    t.after(() => queue.close());
    await queue.declare('jobs.default', jobQueueOptions);
    await queue.declare(collectorQueue, collectorOptions);
    await queue.declare(parkedQueue, {});
    assert.deepEqual(await tend(members), []);
    await until(
      async () => {
        const found = await broker.api('GET', `queues/made/${parkedQueue}`);
        const { effective_policy_definition: policy } = found as { effective_policy_definition?: object };
        return policy !== undefined && 'max-length-bytes' in policy && 'overflow' in policy;
      },
      { within: 20_000, what: 'the bound of what is set aside to hold for a queue that was there' },
    );
    await broker.api('PUT', 'queues/made/dead-jobs', { durable: true, arguments: {} });
    await broker.api('POST', 'bindings/made/e/groundcrew.to-all/e/groundcrew.collector', {});
    const found = await tend(members);
    assert.match(found[0] ?? '', /^queue dead-jobs was made with other arguments: x-queue-type/);
    assert.match(found[1] ?? '', /^binding from groundcrew\.to-all to groundcrew\.collector/);
    assert.equal((await tend(members)).length, 1, 'the queue is for a person');
  });

  test('an alarm, the version and the ways in are told', async () => {
    // What nodes can do they tell some seconds after their start.
    const before = await until(
      async () => {
        const health = await readBrokerHealth(api);
        return health.mechanisms.length === 0 ? null : health;
      },
      { within: 20_000, what: 'the node to tell its mechanisms' },
    );
    assert.match(before.version, /^\d+\.\d+/);
    assert.deepEqual(before.alarms, []);
    assert.ok(before.mechanisms.includes('PLAIN'));
    await broker.control('set_disk_free_limit', '100000GB');
    try {
      await until(async () => (await readBrokerHealth(api)).alarms.length > 0, { within: 20_000 });
      assert.match((await readBrokerHealth(api)).alarms[0] ?? '', /short of disk/);
    } finally {
      await broker.control('set_disk_free_limit', '1MB');
    }
  });

  test('connections of a user are ended', async (t) => {
    const vhost = await broker.addVhost();
    const secret = await broker.addUser(vhost, 'u1');
    const queue = await openTestQueue(brokerOf(broker, vhost, { username: 'u1', password: () => secret }));
    t.after(() => queue.close());
    const states: string[] = [];
    queue.onConnection((state) => states.push(state));
    // The API hears of a new connection some seconds later.
    await until(
      async () => {
        await endConnections(api, 'u1');
        return states.includes('down');
      },
      { within: 20_000 },
    );
  });

  test('an API that refuses us, or is away, says so in one line', async () => {
    const isRefused =
      (text: RegExp) =>
      (error: unknown): boolean =>
        isGroundcrewError(error, 'queue/no-management') && text.test(error.message);
    await assert.rejects(readBroker({ ...api, password: () => 'wrong' }, 'x'), isRefused(/does not let admin in/));
    await assert.rejects(readBroker({ ...api, url: 'http://127.0.0.1:9' }, 'x'), isRefused(/cannot be asked/));
  });
});
