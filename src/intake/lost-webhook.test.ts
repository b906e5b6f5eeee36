import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { openGitHubWorld } from '../../test/support/github-world.ts';
import { needs } from '../../test/support/needs.ts';
import { aWebhookReader } from '../../test/support/webhook-reader.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../ledger/sqlite/reader.ts';
import { createBodyBudget } from './body-budget.ts';
import { createReceiver } from './receive.ts';
import { createSweeper } from './sweep.ts';
import { createWebhookHandler, gitHubBodyLimits, usualBudget } from './webhook-handler.ts';

const secret = 'shared with GitHub';

/** A GitHub with a hook that calls our receiver over a real socket. */
async function world(t: TestContext, contentType: 'json' | 'form' = 'json') {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const common = { ledger, clock: systemClock, random: systemRandom, logger: silentLogger, onNew: () => undefined };
  let address = '';
  const github = await openGitHubWorld(t, { forge: { webhookUrl: () => address } });
  const { repo, hub, forge } = github;
  const reader = aWebhookReader({ forge: 'gh', secrets: () => [secret], repos: () => [repo], ownLogin: () => null });
  const answers: number[] = [];
  const handler = createWebhookHandler({
    ...common,
    receiver: createReceiver({ ...common, reader }),
    budget: createBodyBudget(usualBudget),
    limits: gitHubBodyLimits,
    onAnswer: (status) => answers.push(status),
  });
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook/gh`;
  // Only who administers a repository sees its hooks.
  hub.people.setCollaborator(repo, 'crew-bot', 'admin');
  hub.people.createHook(repo, { url: address, secret, contentType, pings: false });
  const sweeper = createSweeper({ ...common, forges: new Map([['gh', forge]]), readers: new Map([['gh', reader]]) });
  return {
    repo,
    hub,
    commit: (branch: string) => github.commit({ branch, files: { a: '1' } }),
    answers,
    sweep: () => sweeper.sweep(new AbortController().signal),
    /** What moved, as the ledger has it. */
    told: async (): Promise<readonly string[]> => {
      await hub.delivered();
      const events = (await ledger.pendingDeliveries(99)).map(({ event }) => event);
      return events.map((event) => `${event.changeKey} ${'sha' in event ? String(event.sha) : ''}`);
    },
    today: async () => (await openSqliteLedgerReader(database).deliveryDays(1, systemClock.now()))[0],
  };
}

suite('a webhook between GitHub and us', needs('git'), () => {
  for (const type of ['json', 'form'] as const) {
    test(`arrives as ${type}, signed by GitHub, and says what moved`, async (t) => {
      const at = await world(t, type);
      const { repo, told, answers } = at;
      const sha = await at.commit('topic');
      const moved = await told();
      assert.ok(moved.includes(`gh|${repo}|branch/topic ${sha}`), moved.join('\n'));
      assert.ok(answers.length > 0 && answers.every((status) => status === 202), String(answers));
    });
  }

  test('that is lost, but noted by GitHub, is found by the sweep and counted as recovered', async (t) => {
    const at = await world(t);
    const { repo, told, hub, sweep, today, answers } = at;
    const fault = hub.faults.add({ does: 'lose-delivery', isLogged: true });
    const sha = await at.commit('topic');
    assert.deepEqual(await told(), []);
    assert.ok(fault.hits > 0);
    assert.equal((await sweep()).failed, 0);
    assert.ok((await told()).includes(`gh|${repo}|branch/topic ${sha}`));
    const day = await today();
    assert.deepEqual([day?.received, (day?.bySweep ?? 0) > 0, day?.missed, answers], [0, true, 0, []]);
    const before = hub.requests.length;
    assert.deepEqual(await sweep(), { logs: 1, recovered: 0, failed: 0 });
    assert.ok(hub.requests.length - before <= 3, 'a sweep that finds nothing costs next to nothing');
  });

  test('that comes twice is one', async (t) => {
    const at = await world(t);
    const { repo, told, hub, answers } = at;
    hub.faults.add({ does: 'repeat-delivery', event: 'push' });
    const sha = await at.commit('topic');
    const moved = await told();
    assert.equal(moved.filter((one) => one === `gh|${repo}|branch/topic ${sha}`).length, 1);
    assert.ok(answers.every((status) => status === 202));
  });
});
