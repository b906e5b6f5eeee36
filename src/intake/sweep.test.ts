import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { until } from '../../test/support/until.ts';
import { deliveryId } from '../../test/support/webhook-examples.ts';
import { aWebhookReader } from '../../test/support/webhook-reader.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { DeliveryLog, Forge, LoggedDelivery } from '../forge/forge.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { createSweeper } from './sweep.ts';

const hourMs = 3_600_000;
const push = (n: number, branch = 'main'): string =>
  JSON.stringify({
    repository: { full_name: 'octo/demo' },
    ref: `refs/heads/${branch}`,
    after: n.toString(16).padStart(40, '0'),
  });

/** A delivery log in memory: the newest line first, three lines a page; notes what was asked for. */
class FakeLog implements DeliveryLog {
  readonly name: string;
  readonly lines: LoggedDelivery[] = [];
  pages = 0;
  fetched: string[] = [];
  broken: Error | null = null;

  constructor(name = 'app') {
    this.name = name;
  }

  add(n: number, given: Partial<LoggedDelivery> & { readonly deliveredAt: number }): void {
    this.lines.unshift({ id: deliveryId(n), event: 'push', isTaken: false, body: push(n), ...given });
  }

  async *read(since: number, choose: Parameters<DeliveryLog['read']>[1]): AsyncGenerator<LoggedDelivery> {
    const lines = this.lines.filter(({ deliveredAt }) => deliveredAt >= since);
    for (let at = 0; at === 0 || at < lines.length; at += 3) {
      this.pages += 1;
      if (this.broken !== null) throw this.broken;
      const page = lines.slice(at, at + 3);
      const chosen = await choose(page);
      for (const line of page) {
        if (!chosen.has(line.id)) continue;
        this.fetched.push(line.id);
        yield line;
      }
    }
  }
}

function world(t: TestContext, logs: readonly DeliveryLog[] = [], deliveryLogs?: Forge['deliveryLogs']) {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const clock = createHandClock(Date.parse('2026-11-22T12:00:00Z'));
  let news = 0;
  const forge = { name: 'github', deliveryLogs: deliveryLogs ?? (async () => logs) } as unknown as Forge;
  const sweeper = createSweeper({
    forges: new Map([['github', forge]]),
    readers: new Map([['github', aWebhookReader()]]),
    ledger,
    clock,
    random: systemRandom,
    logger: silentLogger,
    onNew: () => {
      news += 1;
    },
  });
  const signal = new AbortController().signal;
  const pending = async (): Promise<readonly string[]> => (await ledger.pendingDeliveries(999)).map(({ id }) => id);
  return { ledger, clock, sweeper, sweep: () => sweeper.sweep(signal), pending, news: () => news };
}

suite('what a sweep takes in', () => {
  test('deliveries that nobody answered come back as if they had come, and count as recovered', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, ledger, pending, news } = world(t, [log]);
    for (const n of [1, 2, 3, 4]) log.add(n, { deliveredAt: clock.now() - n * hourMs });
    assert.deepEqual(await sweep(), { logs: 1, recovered: 4, failed: 0 });
    assert.equal((await pending()).length, 4);
    assert.equal(news(), 4);
    assert.deepEqual(await sweep(), { logs: 1, recovered: 0, failed: 0 }, 'again changes nothing');
    assert.equal(log.fetched.length, 4, 'and costs no request for a body');
    assert.deepEqual((await ledger.knownDeliveries([deliveryId(1)])).size, 1);
  });

  test('what was received is not fetched, nor a kind that means nothing to us', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, ledger } = world(t, [log]);
    const event = { kind: 'change', forge: 'github', repo: 'octo/demo', changeKey: 'x', sha: null } as const;
    await ledger.recordDelivery({ id: deliveryId(1), event, receivedAt: clock.now(), traceId: 't' });
    log.add(1, { deliveredAt: clock.now() });
    log.add(2, { deliveredAt: clock.now(), event: 'check_run' });
    log.add(3, { deliveredAt: clock.now(), event: 'ping' });
    assert.equal((await sweep()).recovered, 0);
    assert.deepEqual(log.fetched, []);
  });

  test('a ledger that never swept takes only what nobody answered; later what it does not know, whoever answered', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending } = world(t, [log]);
    log.add(1, { deliveredAt: clock.now() - hourMs, isTaken: true });
    log.add(2, { deliveredAt: clock.now() - hourMs });
    await sweep();
    assert.deepEqual(await pending(), [deliveryId(2)]);
    clock.pass(hourMs);
    // Answered by something else at our address: nothing of it is here.
    log.add(3, { deliveredAt: clock.now(), isTaken: true });
    await sweep();
    assert.deepEqual(await pending(), [2, 3].map(deliveryId));
  });

  test('what cannot be read is set aside once, and the rest taken in', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending, ledger } = world(t, [log]);
    log.add(1, { deliveredAt: clock.now(), body: '{"repository":' });
    log.add(2, { deliveredAt: clock.now(), body: null });
    log.add(3, { deliveredAt: clock.now() });
    assert.equal((await sweep()).recovered, 3);
    assert.deepEqual(await pending(), [deliveryId(3)]);
    await sweep();
    assert.equal(log.fetched.length, 3);
    assert.equal((await ledger.knownDeliveries([1, 2, 3].map(deliveryId))).size, 3);
  });

  test('several tries of one delivery are one', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending } = world(t, [log]);
    for (let again = 0; again < 5; again++) log.add(1, { deliveredAt: clock.now() });
    await sweep();
    assert.deepEqual(await pending(), [deliveryId(1)]);
  });
});

suite('what a sweep costs', () => {
  test('it reads back to the last whole one and a little further, at most three days', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending } = world(t, [log]);
    for (let n = 1; n <= 30; n++) log.add(n, { deliveredAt: clock.now() - (31 - n) * 3 * hourMs, isTaken: n > 1 });
    await sweep();
    assert.equal(log.pages, 8, '24 lines of the last three days, three a page');
    assert.deepEqual(await pending(), [], 'the failed one is older');
    log.pages = 0;
    clock.pass(20 * 60_000);
    await sweep();
    assert.equal(log.pages, 1);
  });

  test('a backlog is taken in over several sweeps, none of it lost', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending } = world(t, [log]);
    for (let n = 1; n <= 450; n++) log.add(n, { deliveredAt: clock.now() - hourMs + n });
    const found: number[] = [];
    for (let round = 0; round < 3; round++) {
      found.push((await sweep()).recovered);
      clock.pass(10 * 60_000);
    }
    assert.deepEqual(found, [200, 200, 50]);
    assert.equal((await pending()).length, 450);
  });

  test('one that broke off is done again from where the last whole one began', async (t) => {
    const log = new FakeLog();
    const { sweep, clock, pending } = world(t, [log]);
    await sweep();
    clock.pass(hourMs);
    log.add(1, { deliveredAt: clock.now() - 50 * 60_000, isTaken: true });
    log.broken = new Error('502');
    assert.deepEqual(await sweep(), { logs: 1, recovered: 0, failed: 1 });
    clock.pass(2 * hourMs);
    log.broken = null;
    await sweep();
    assert.deepEqual(await pending(), [deliveryId(1)]);
  });
});

test('a log or a forge that fails stops no other', async (t) => {
  const [bad, good] = [new FakeLog('bad'), new FakeLog('good')];
  const one = world(t, [bad, good]);
  bad.broken = new Error('no permission');
  good.add(1, { deliveredAt: one.clock.now() });
  assert.deepEqual(await one.sweep(), { logs: 2, recovered: 1, failed: 1 });
  const other = world(t, [], () => Promise.reject(new Error('away')));
  assert.deepEqual(await other.sweep(), { logs: 0, recovered: 0, failed: 1 });
});

test('the loop sweeps at once, every ten minutes and on demand, and ends with its signal', async (t) => {
  const log = new FakeLog();
  const { sweeper, clock } = world(t, [log]);
  const abort = new AbortController();
  const running = sweeper.run(abort.signal);
  await until(() => log.pages === 1 && clock.waiting >= 2);
  clock.pass(9 * 60_000);
  assert.equal(log.pages, 1);
  clock.pass(60_000);
  await until(() => log.pages === 2 && clock.waiting >= 2);
  sweeper.sweepSoon();
  await until(() => log.pages === 3);
  abort.abort();
  await running;
});
