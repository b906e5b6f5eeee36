import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { serverRights, workerRights } from '../../../src/queue/amqp/rights.ts';
import { openFleet } from '../../support/fleet.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

test(
  'a broker that lost all it had, and was set up again, costs no run: what ran ends, what waited runs',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const fleet = await openFleet(t);
    const { broker, vhost, crew } = fleet;
    const repo = crew.repo();
    const [began, go] = [join(crew.root, 'began'), join(crew.root, 'go')];
    const waiting = `#!/bin/sh\necho x >>'${began}'\nuntil test -e '${go}'; do sleep 0.1; done\n`;
    const running = repo.commit({ 'test/run': { script: waiting } });
    const house = await fleet.server(`projects: [{name: demo, path: ${repo.dir}}]\n`);
    await fleet.worker('w1', 'worker: {executor: process, slots: 1}\n');
    await until(() => existsSync(began), { within: 30_000, what: 'the first job' });
    // The branch begins at its own commit: at the other's for a moment, it would have that tested once more.
    repo.git('checkout', '-q', '--detach');
    const queued = repo.commit({ other: 'x', 'test/run': { script: '#!/bin/sh\necho queued\n' } });
    repo.git('branch', 'other');
    const jobs = async (): Promise<number> => {
      const queue = (await broker.api('GET', `queues/${vhost}/jobs.default`)) as { readonly messages?: number };
      return queue.messages ?? 0;
    };
    await until(async () => (await jobs()) > 0, { within: 30_000, what: 'the second job in its queue' });

    await broker.api('DELETE', `vhosts/${vhost}`);
    await broker.api('PUT', `vhosts/${vhost}`, {});
    for (const [user, rights] of [
      [broker.username, { configure: '.*', write: '.*', read: '.*' }],
      ['groundcrew-server', serverRights()],
      ['w1', workerRights('w1', ['default'])],
    ] as const) {
      await broker.api('PUT', `permissions/${vhost}/${user}`, rights);
    }
    await broker.api('PUT', `exchanges/${vhost}/groundcrew.to.w1`, { type: 'fanout', durable: true });
    writeFileSync(go, '');
    const { outcome, detail } = await house.ended(running);
    assert.deepEqual([outcome, detail.attempts.length], [{ kind: 'passed' }, 1], 'it ran on meanwhile');
    assert.equal(readFileSync(began, 'utf8'), 'x\n');
    assert.deepEqual((await house.ended(queued)).outcome, { kind: 'passed' });
  },
);
