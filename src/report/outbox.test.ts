import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import { until } from '../../test/support/until.ts';
import { GroundcrewError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { Forge, StatusToPost } from '../forge/forge.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { createOutbox } from './outbox.ts';

const never = new AbortController().signal;
const worker = new FakeWorker('w1');

/** A forge that keeps what it is told; `fail` makes the next posts fail. */
function openWorld(t: { after(fn: () => Promise<void>): void }, { remembersStatuses = true, spacingMs = 0 } = {}) {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const clock = createHandClock(1_000_000);
  const [posted, told]: [StatusToPost[], string[]] = [[], []];
  const world = { fail: 0 };
  const answer = async (note: () => void): Promise<void> => {
    world.fail -= 1;
    if (world.fail >= 0) throw new GroundcrewError('forge/away', 'the forge is away', { retry: 'later' });
    note();
  };
  const forge: Pick<Forge, 'name' | 'remembersStatuses' | 'setStatus' | 'rememberApproval' | 'markRequestDone'> = {
    name: 'git',
    remembersStatuses,
    setStatus: (status) => answer(() => posted.push(status)),
    rememberApproval: (_repo, sha, by) => answer(() => told.push(`approved ${sha.slice(0, 4)} by ${by}`)),
    markRequestDone: (_repo, id) => answer(() => told.push(`done ${id}`)),
  };
  const outbox = createOutbox({
    ledger,
    forges: new Map([['git', forge as Forge]]),
    clock,
    random: { hex: () => '', fraction: () => 0.5 },
    logger: silentLogger,
    publicUrl: 'https://ci.example.org',
    spacingMs,
  });
  return { ledger, clock, outbox, posted, told, world };
}

test('what is due is posted once, coalesced to the newest, with a link of ours', async (t) => {
  const { ledger, outbox, posted } = openWorld(t);
  const job = anOrder();
  await enqueue(ledger, job);
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.claimed(worker.claimed(holding), true, 3_000);
  assert.equal(await outbox.flush(never), null);
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(posted, [
    {
      repo: 'demo',
      sha: shaOf('a'),
      context: 'test',
      state: 'pending',
      description: 'Starting',
      targetUrl: `https://ci.example.org/runs/${job.id}?g=1`,
    },
  ]);
});

test('a failed post comes back after a growing pause, and the final state is never lost', async (t) => {
  const { ledger, clock, outbox, posted, world } = openWorld(t);
  const job = anOrder();
  await enqueue(ledger, job);
  world.fail = 2;
  assert.equal(await outbox.flush(never), clock.now() + 2_000);
  clock.pass(2_000);
  assert.equal(await outbox.flush(never), clock.now() + 4_000);
  await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, job), 'a')), true, clock.now());
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(
    posted.map(({ state }) => state),
    ['success'],
  );
});

test('R11: approvals and finished requests are told to the forge until it has them', async (t) => {
  const { ledger, clock, outbox, told, world } = openWorld(t);
  const actions = [
    { kind: 'approve', sha: shaOf('b'), by: 'ada' },
    { kind: 'request-done', requestId: 'r1' },
  ] as const;
  await decide(ledger, anOrder(), actions);
  world.fail = 1;
  const nextAt = (await outbox.flush(never)) ?? assert.fail();
  assert.deepEqual(told, ['done r1']);
  clock.pass(nextAt - clock.now());
  await outbox.flush(never);
  assert.deepEqual(told, ['done r1', 'approved bbbb by ada']);
});

test('a forge that keeps no statuses is told nothing, and the ledger keeps what would be said', async (t) => {
  const { ledger, outbox, posted } = openWorld(t, { remembersStatuses: false });
  await enqueue(ledger, anOrder());
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual([posted, await ledger.dueReports(1e12, 9)], [[], []]);
});

test('two writes to a forge keep their distance, and a final that comes meanwhile goes before the rest', async (t) => {
  const { ledger, clock, outbox, posted } = openWorld(t, { spacingMs: 1_000 });
  const jobs = ['a', 'b', 'c', 'd'].map((context) => anOrder({ context }));
  for (const job of jobs) await enqueue(ledger, job);
  const flushed = outbox.flush(never);
  await until(() => posted.length === 1 && clock.waiting === 1);
  const last = jobs.at(-1) ?? assert.fail();
  await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, last), 'a')), true, clock.now());
  for (const count of [2, 3, 4]) {
    await until(() => clock.waiting === 1);
    clock.pass(999);
    assert.equal(posted.length, count - 1);
    clock.pass(1);
    await until(() => posted.length === count);
  }
  assert.equal(await flushed, null);
  assert.deepEqual(
    posted.map(({ context, state }) => `${context} ${state}`),
    // `b` was on its way when the final came.
    ['a pending', 'b pending', 'd success', 'c pending'],
  );
});

test('an abort ends the wait between two writes', async (t) => {
  const { ledger, clock, outbox, posted } = openWorld(t, { spacingMs: 1_000 });
  for (const context of ['a', 'b']) await enqueue(ledger, anOrder({ context }));
  const abort = new AbortController();
  const flushed = outbox.flush(abort.signal);
  await until(() => posted.length === 1 && clock.waiting === 1);
  abort.abort();
  assert.equal(await flushed, null);
  assert.equal(posted.length, 1);
});
