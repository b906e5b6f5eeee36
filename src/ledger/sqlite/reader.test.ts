import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { join } from 'node:path';
import { anOrder, aChange, decide, enqueue, FakeWorker, offer, shaOf } from '../../../test/support/ledger-world.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { openDatabase, type Database } from '../../base/sqlite.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { runPrefix } from '../../core/run-slug.ts';
import type { Job } from '../../core/job.ts';
import type { Ledger } from '../ledger.ts';
import type { LedgerReader, RunSummary } from '../ledger-reader.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

interface World {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
}

function openWorld(t: TestContext): World {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  return { database, ledger: openSqliteLedger(database), reader: openSqliteLedgerReader(database) };
}

const worker = new FakeWorker('w1');

test('a run is shown with everything that its attempts told', async (t) => {
  const { ledger, reader } = openWorld(t);
  const job = anOrder({ pull: 7, needs: ['kvm'], priority: 3 });
  await enqueue(ledger, job, { now: 1_000 });
  const holding = FakeWorker.holding(await offer(ledger, job), 'b');
  await ledger.claimed(worker.claimed(holding), true, 3_000);
  await ledger.beat(worker.beat(holding, 'running', 12), true, 4_000);
  const running = await reader.run(job.id.slice(0, 6));
  assert.deepEqual(
    [running?.summary.state, running?.summary.phase, running?.summary.worker, running?.attempts[0]?.logBytes],
    ['running', 'running', 'w1', 12],
  );
  await ledger.finished(worker.finished(holding), true, 9_500);
  await ledger.sealed(worker.sealed(holding, 100));
  const summary: RunSummary = {
    jobId: job.id,
    generation: 1,
    state: 'ended',
    phase: null,
    outcome: { kind: 'passed' },
    attempts: 1,
    forge: 'git',
    repo: 'demo',
    sha: shaOf('a'),
    pull: 7,
    branch: null,
    title: 'Make it work',
    policyVersion: null,
    context: 'test',
    occasion: 'change',
    queuedAt: 1_000,
    startedAt: 3_000,
    endedAt: 9_500,
    notBefore: 0,
    pool: 'default',
    needs: ['kvm'],
    priority: 3,
    worker: 'w1',
    obstacle: null,
  };
  const run = await reader.run(job.id);
  assert.deepEqual(run, {
    summary,
    job,
    traceId: 'trace',
    attempts: [
      {
        generation: 1,
        n: 1,
        nonce: holding.nonce,
        worker: 'w1',
        state: 'ended',
        isOwner: true,
        isAccepted: true,
        phase: 'running',
        outcome: { kind: 'passed' },
        offeredAt: 2_000,
        claimedAt: 3_000,
        lastBeatAt: 4_000,
        startedAt: 4_000,
        endedAt: 9_000,
        testedSha: shaOf('a'),
        baseSha: null,
        imageDigest: null,
        peakMemoryBytes: 1_000_000,
        oom: 'no',
        logBytes: 100,
        logSha256: 'd'.repeat(64),
        isLogTruncated: false,
        storePrefix: runPrefix(job, { generation: 1, n: 1, nonce: holding.nonce }),
      },
    ],
  });
  assert.deepEqual((await reader.listRuns({ limit: 10 })).runs, [summary]);
});

test('a run is found by a prefix of at least six digits that no other run has', async (t) => {
  const { database, ledger, reader } = openWorld(t);
  const [one, other] = [anOrder(), anOrder({ context: 'other' })];
  await enqueue(ledger, one);
  await enqueue(ledger, other);
  assert.equal((await reader.run(one.id.slice(0, 6)))?.job.id, one.id);
  assert.equal(await reader.run(one.id.slice(0, 5)), null);
  assert.equal(await reader.run(`${one.id}0`), null);
  assert.equal(await reader.run('%'), null);
  assert.equal(await reader.run(''), null);
  await database.change((sql) => {
    sql.run('UPDATE jobs SET id = ? WHERE id = ?', `abcdef${one.id.slice(6)}`, one.id);
    sql.run('UPDATE jobs SET id = ? WHERE id = ?', `abcdef${other.id.slice(6)}`, other.id);
  });
  assert.equal(await reader.run('abcdef'), null, 'two begin so');
  assert.notEqual(await reader.run(`abcdef${one.id.slice(6)}`), null);
});

test('lists go on where the page before ended, each run once', async (t) => {
  const { ledger, reader } = openWorld(t);
  const jobs: Job[] = [];
  for (let at = 0; at < 25; at++) {
    const job = anOrder({ context: `c${at}`, repo: at % 2 === 0 ? 'even' : 'odd' });
    jobs.push(job);
    await enqueue(ledger, job, { now: 1_000 + Math.floor(at / 3) });
    if (at < 12) {
      const holding = FakeWorker.holding(await offer(ledger, job), 'b');
      // Several end in the same millisecond.
      if (at < 9) await ledger.finished(worker.finished(holding), true, 5_000 + Math.floor(at / 4));
      else await ledger.claimed(worker.claimed(holding), true, 5_000);
    }
  }
  const ids = async (filter: Parameters<LedgerReader['listRuns']>[0]): Promise<string[]> =>
    (await pages(reader, filter)).map((run) => run.context.slice(1));
  const newestFirst = [...jobs.keys()].reverse().map(String);
  assert.deepEqual(await ids({ limit: 4 }), newestFirst);
  assert.deepEqual(
    await ids({ limit: 4, repo: 'odd' }),
    newestFirst.filter((at) => Number(at) % 2 === 1),
  );
  assert.deepEqual(await ids({ limit: 2, state: 'ended' }), newestFirst.slice(16));
  assert.deepEqual(await ids({ limit: 2, state: 'ended', repo: 'even' }), ['8', '6', '4', '2', '0']);
  assert.deepEqual(await ids({ limit: 1, state: 'running' }), ['11', '10', '9']);
  assert.deepEqual(await ids({ limit: 1, state: 'running', repo: 'even' }), ['10']);
  assert.equal((await ids({ limit: 3, state: 'waiting' })).length, 13);
  assert.deepEqual(await ids({ limit: 3, repo: 'nobody' }), []);
});

test('a cursor that is none of this list begins at its start', async (t) => {
  const { ledger, reader } = openWorld(t);
  await enqueue(ledger, anOrder());
  for (const before of [
    '',
    'x',
    'ended.1.1',
    'waiting.bm9uc2Vuc2U',
    'waiting.W1sxXV0',
    'queued.1',
    "'; DROP TABLE jobs",
  ]) {
    assert.equal((await reader.listRuns({ limit: 5, before })).runs.length, 1, before);
    assert.equal((await reader.listRuns({ limit: 5, before, state: 'waiting' })).runs.length, 1, before);
  }
});

test('what waits for a person is listed until somebody acts, the latest first', async (t) => {
  const { ledger, reader } = openWorld(t);
  const [one, other] = [anOrder({ pull: 1 }), anOrder({ pull: 2 })];
  const notice = (sentence: string) =>
    ({ kind: 'notice', sha: shaOf('a'), context: 'x', notice: { kind: 'needs-approval', sentence } }) as const;
  await decide(ledger, one, [notice('first')], { now: 1 });
  await decide(ledger, other, [notice('second')], { now: 2 });
  assert.deepEqual(await reader.held(), [
    { change: aChange(other), sentence: 'second', kind: 'needs-approval', since: 2 },
    { change: aChange(one), sentence: 'first', kind: 'needs-approval', since: 1 },
  ]);
  await decide(ledger, other, [{ kind: 'notice', sha: shaOf('a'), context: 'x', notice: null }], { now: 3 });
  await decide(ledger, one, [], { now: 3, change: { isOpen: false } });
  assert.deepEqual(await reader.held(), []);
});

test('workers are listed with what they offer, when they were heard, and how much they run', async (t) => {
  const { ledger, reader } = openWorld(t);
  const job = anOrder();
  await enqueue(ledger, job);
  const holding = FakeWorker.holding(await offer(ledger, job), 'b');
  await ledger.hello(worker.hello([], 3), new Set(), 4_000);
  await ledger.claimed(worker.claimed(holding), true, 5_000);
  await ledger.hello(new FakeWorker('w2').hello([], 1), new Set(), 6_000);
  await ledger.bye(new FakeWorker('w2').bye(), 7_000);
  await ledger.bye(new FakeWorker('w3').bye(), 8_000);
  const standing = { takesJobs: true, isPaused: false, why: null };
  const offers = { pool: 'default', capabilities: [], version: '0', standing, wish: 'work', wishBy: null };
  const run = { jobId: job.id, repo: job.subject.repo, context: job.context, phase: 'claimed', since: 5_000 };
  const w1 = { slots: 3, hostname: 'w1.local', worker: 'w1', since: 4_000, lastHeardAt: 4_000, hasLeft: false };
  const w2 = { slots: 1, hostname: 'w2.local', worker: 'w2', since: 6_000, lastHeardAt: 7_000, hasLeft: true };
  assert.deepEqual(await reader.workers(), [
    { ...offers, ...w1, running: 1, runs: [run] },
    { ...offers, ...w2, running: 0, runs: [] },
  ]);
});

test('a worker’s own word about itself, and what a person wants of it, are kept; a drain is over when it leaves', async (t) => {
  const { ledger, reader } = openWorld(t);
  const standing = { takesJobs: false, isPaused: false, why: 'the disk is full' };
  assert.equal(await ledger.wishOfWorker('w1', 'pause', 'ann', 1), false, 'nobody of that name');
  await ledger.hello({ ...worker.hello([]), standing }, new Set(), 4_000);
  assert.equal(await ledger.wishOfWorker('w1', 'pause', 'ann', 5_000), true);
  const [seen] = await reader.workers();
  assert.deepEqual([seen?.standing, seen?.wish, seen?.wishBy], [standing, 'pause', 'ann']);
  await ledger.bye(worker.bye(), 6_000);
  assert.equal(await ledger.workerWish('w1'), 'pause', 'a pause outlives a restart');
  await ledger.wishOfWorker('w1', 'drain', 'ann', 7_000);
  await ledger.bye(worker.bye(), 8_000);
  assert.equal(await ledger.workerWish('w1'), 'work');
});

test('what nobody could read is kept, bounded, and found again', async (t) => {
  const { ledger, reader } = openWorld(t);
  const message = { at: 5, worker: 'w9', why: 'rejected', body: '{"v":2}' };
  assert.equal(await ledger.park(message), 0);
  assert.equal(await ledger.park({ ...message, body: 'x'.repeat(65 * 2 ** 20) }), 1, 'too much of it');
  assert.equal((await reader.counts()).messagesDropped, 1);
  assert.equal((await reader.counts()).messagesParked, 1);
  const [kept] = await reader.parkedMessages(10);
  assert.deepEqual(kept, { id: 1, ...message });
  assert.deepEqual(await ledger.parked(0, 10), [kept]);
  assert.deepEqual(await ledger.parked(1, 10), []);
  await ledger.unpark(1);
  assert.equal((await reader.counts()).messagesParked, 0);
});

test('who says too much that nobody can read loses the oldest of it, which is counted, and drives nobody else out', async (t) => {
  const { ledger, reader } = openWorld(t);
  const park = (worker: string | null, at: number, body: string): Promise<number> =>
    ledger.park({ at, worker, why: 'rejected', body });
  await park('quiet', 1, 'a result');
  await park(null, 2, 'whose is it?');
  const piece = 'x'.repeat(2 ** 20);
  const loud: number[] = [];
  for (let at = 3; at < 3 + 70; at++) loud.push(await park('loud', at, piece));
  assert.equal(
    loud.reduce((sum, dropped) => sum + dropped, 0),
    7,
    '64 MiB are kept, and 20 bytes of others are among them',
  );
  const kept = await ledger.parked(0, 100);
  assert.deepEqual(
    kept.slice(0, 3).map(({ at, worker }) => [at, worker]),
    [
      [1, 'quiet'],
      [2, null],
      [10, 'loud'],
    ],
  );
  assert.equal(kept.at(-1)?.at, 72, 'the newest is kept');
  const { messagesParked, messagesDropped } = await reader.counts();
  assert.deepEqual([messagesParked, messagesDropped], [65, 7]);
});

test('of small messages, too, only so many are kept', async (t) => {
  const { ledger, reader } = openWorld(t);
  await ledger.park({ at: 0, worker: 'quiet', why: 'rejected', body: 'x'.repeat(2 ** 20) });
  for (let batch = 0; batch < 10; batch++) {
    await Promise.all(
      Array.from({ length: 1_001 }, (_, index) =>
        ledger.park({ at: 1 + index, worker: 'loud', why: 'rejected', body: '?' }),
      ),
    );
  }
  const { messagesParked, messagesDropped } = await reader.counts();
  assert.deepEqual([messagesParked, messagesDropped], [10_000, 11]);
  assert.equal((await ledger.parked(0, 1))[0]?.worker, 'quiet');
});

test('counts tell what stands where', async (t) => {
  const { ledger, reader } = openWorld(t);
  const jobs = ['a', 'b', 'c', 'd', 'e'].map((context) => anOrder({ context }));
  for (const job of jobs) await enqueue(ledger, job);
  const [ended, running, offered] = jobs;
  assert.ok(ended !== undefined && running !== undefined && offered !== undefined);
  await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, ended), 'a')), true, 5_000);
  await ledger.claimed(worker.claimed(FakeWorker.holding(await offer(ledger, running), 'b')), true, 5_000);
  await offer(ledger, offered);
  const event = { kind: 'change', forge: 'git', repo: 'demo', changeKey: 'k', sha: null } as const;
  for (const id of ['1', '2', '3', '3']) {
    await ledger.recordDelivery({ id, event, receivedAt: 1, traceId: 't' });
  }
  await ledger.endDelivery('1', { kind: 'handled' }, 1);
  await ledger.endDelivery('2', { kind: 'parked', why: 'broken' }, 1);
  assert.deepEqual(await reader.counts(), {
    waiting: 2,
    offered: 1,
    running: 1,
    ended: 1,
    deliveries: 3,
    deliveriesPending: 1,
    deliveriesParked: 1,
    reportsDue: 5,
    reportsRefused: 0,
    messagesParked: 0,
    messagesDropped: 0,
    grantObstacles: 0,
  });
});

test('another process may read through a read-only handle, and refuses tables of another version', async (t) => {
  const path = join(await tempDir(t), 'ledger.sqlite');
  const database = openDatabase({ path });
  t.after(() => database.close());
  const empty = openDatabase({ path, isReadOnly: true });
  t.after(() => empty.close());
  assert.throws(
    () => openSqliteLedgerReader(empty),
    (error) => isGroundcrewError(error, 'sqlite/too-old'),
  );
  const ledger = openSqliteLedger(database);
  const reader = openSqliteLedgerReader(empty);
  await enqueue(ledger, anOrder());
  assert.equal((await reader.listRuns({ limit: 5 })).runs.length, 1);
  assert.equal(await reader.position(anOrder().id), 0);
  await reader.close();
});

/** All pages of a list, one after another. */
async function pages(
  reader: LedgerReader,
  filter: Parameters<LedgerReader['listRuns']>[0],
): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = [];
  let before: string | null = null;
  do {
    const page: Awaited<ReturnType<LedgerReader['listRuns']>> = await reader.listRuns({
      ...filter,
      ...(before === null ? {} : { before }),
    });
    assert.ok(page.runs.length <= filter.limit);
    assert.ok(page.next === null || page.runs.length === filter.limit);
    runs.push(...page.runs);
    before = page.next;
  } while (before !== null);
  return runs;
}
