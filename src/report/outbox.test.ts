import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import { never, openOutboxWorld, work, worker } from '../../test/support/outbox-world.ts';
import type { Job } from '../core/job.ts';
import type { Outcome } from '../core/outcome.ts';

test('what is due is posted once, coalesced to the newest, with a link of ours', async (t) => {
  const { ledger, outbox, forge } = openOutboxWorld(t);
  const job = anOrder();
  await enqueue(ledger, job);
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.claimed(worker.claimed(holding), true, 3_000);
  assert.equal(await outbox.flush(never), null);
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(forge.posted, [
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

test('an occasion gets three posts: why it waits, that it runs, and the verdict', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, outbox, forge } = world;
  const job = anOrder();
  await enqueue(ledger, job);
  await outbox.flush(never);
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await outbox.flush(never);
  await ledger.claimed(worker.claimed(holding), true, 3_000);
  for (const phase of ['checkout', 'starting', 'running', 'saving'] as const) {
    await ledger.beat(worker.beat(holding, phase), true, 4_000);
    await outbox.flush(never);
  }
  const lost = await ledger.liveAttempts();
  await ledger.lose(lost, 5_000);
  await outbox.flush(never);
  await work(world, job, { kind: 'passed' });
  await outbox.flush(never);
  assert.deepEqual(
    forge.posted.map(({ state, description }) => `${state}: ${description}`),
    ['pending: Waiting: 3 before it', 'pending: In progress', 'success: Passed'],
  );
  assert.equal((await world.reader.counts()).reportsDue, 0, 'what was left out is not due');
});

test('a new occasion is counted anew, also when the last post of the one before is still under way', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, outbox, forge } = world;
  const [pushed, asked] = [anOrder(), anOrder({ occasion: 'request:1' })];
  await enqueue(ledger, pushed);
  await work(world, pushed, 'running');
  const [inFlight] = await ledger.dueReports(1e12, 9);
  assert.ok(inFlight);
  await enqueue(ledger, asked);
  await ledger.reportPosted(inFlight, { state: 'pending', sentence: 's', path: '/' }, 1);
  await outbox.flush(never);
  await work(world, asked, 'running');
  await outbox.flush(never);
  assert.deepEqual(
    forge.posted.map(({ description }) => description),
    ['Waiting: 3 before it', 'In progress'],
  );
});

test('R11: approvals and finished requests are told to the forge until it has them', async (t) => {
  const { ledger, clock, outbox, forge } = openOutboxWorld(t);
  const actions = [
    { kind: 'approve', sha: shaOf('b'), by: 'ada' },
    { kind: 'request-done', requestId: 'r1', answer: 'refused' },
  ] as const;
  await decide(ledger, anOrder(), actions);
  forge.fail = 1;
  const nextAt = (await outbox.flush(never)) ?? assert.fail();
  assert.deepEqual(forge.told, [], 'the mark on a request waits for what the request led to');
  clock.pass(nextAt - clock.now());
  await outbox.flush(never);
  assert.deepEqual(forge.told, ['approved bbbb by ada', 'refused r1']);
});

test('a comment calls nobody and is not too long', async (t) => {
  const { ledger, outbox, forge } = openOutboxWorld(t);
  const comment = `no such context: @everyone <!-- mark --> ${'x'.repeat(70_000)}`;
  await decide(ledger, anOrder({ pull: 3 }), [{ kind: 'request-done', requestId: 'r1', comment }]);
  await outbox.flush(never);
  const [posted] = forge.comments;
  assert.ok(posted);
  assert.deepEqual([posted.repo, posted.pull, posted.marker], ['demo', 3, 'request:r1']);
  assert.match(posted.text, /^no such context: @\u200beveryone &lt;!-- mark --> x/);
  assert.ok(posted.text.length <= 65_536);
});

test('a branch that fails has one issue, which is closed when it passes', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, forge, outbox } = world;
  const run = async (night: number, outcome: Outcome): Promise<Job> => {
    const job = anOrder({
      branch: 'main',
      context: 'fedora/x',
      occasion: `schedule:${String(night)}`,
      reportsIssue: true,
    });
    await enqueue(ledger, job);
    await work(world, job, outcome);
    await outbox.flush(never);
    return job;
  };
  await run(1, { kind: 'failed', exitCode: 1, reason: 'exit' });
  await run(2, { kind: 'passed' });
  await run(3, { kind: 'passed' });
  assert.deepEqual(
    forge.issues.map(({ key, title, isOpen }) => [key, title, isOpen]),
    [
      ['main|fedora/x', 'fedora/x fails on main', true],
      ['main|fedora/x', 'fedora/x fails on main', false],
    ],
  );
});

test('a job that no worker takes any more says so once, ten minutes later, and not that its turn comes nearer', async (t) => {
  const { ledger, forge, clock, outbox, waiting } = openOutboxWorld(t);
  await enqueue(ledger, anOrder());
  await outbox.flush(never);
  waiting.reason = { sentence: '1 before it', isBlocked: false };
  clock.pass(20 * 60_000);
  await outbox.flush(never);
  assert.equal(forge.posted.length, 1);
  waiting.reason = { sentence: 'no worker is here', isBlocked: true };
  clock.pass(60_000);
  await outbox.flush(never);
  waiting.reason = { sentence: 'no worker of the pool default is here', isBlocked: true };
  clock.pass(60 * 60_000);
  await outbox.flush(never);
  assert.deepEqual(
    forge.posted.map(({ description }) => description),
    ['Waiting: 3 before it', 'Waiting: no worker is here'],
  );
});

test('a forge that keeps no statuses is told nothing, and the ledger keeps what would be said', async (t) => {
  const { ledger, outbox, forge } = openOutboxWorld(t, { remembersStatuses: false });
  await enqueue(ledger, anOrder());
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual([forge.posted, await ledger.dueReports(1e12, 9)], [[], []]);
});

test('a forge that is not configured any more holds up nothing', async (t) => {
  const { ledger, outbox } = openOutboxWorld(t);
  const job = anOrder();
  await enqueue(ledger, { ...job, subject: { ...job.subject, forge: 'gone' } });
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(await ledger.dueReports(1e12, 9), []);
});
