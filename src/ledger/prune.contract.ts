import assert from 'node:assert/strict';
import {
  aChange,
  anOrder,
  decide,
  enqueue,
  FakeWorker,
  offer,
  shaOf,
  type JobWish,
} from '../../test/support/ledger-world.ts';
import type { Job } from '../core/job.ts';
import { changeKey } from '../core/subject.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { Ledger } from './ledger.ts';

const worker = new FakeWorker('w1');
/** Later than everything that a clause does. */
const wayLater = 1_000_000;

/** What is forgotten, and what must not be. */
export const pruneClauses: readonly LedgerClause[] = [
  {
    title: 'an ended run is forgotten with its attempts and its status, and not before its time',
    async check({ ledger }) {
      const old = await endedRun(ledger, { sha: shaOf('1') });
      await endedRun(ledger, { sha: shaOf('2') });
      assert.deepEqual(await forgettable(ledger, 3_000), [], 'it ended at 3,000');
      assert.equal(await ledger.forgetRuns([{ jobId: old.id, generation: 1 }], 3_000), 0);
      assert.deepEqual(await forgettable(ledger, 3_001), [old.id]);
      assert.equal(await ledger.forgetRuns([{ jobId: old.id, generation: 1 }], 3_001), 1);
      assert.deepEqual(await ledger.jobsOfChange(changeKey(old.subject), shaOf('1')), []);
      assert.deepEqual(await forgettable(ledger), []);
      // Its status and its attempts have gone too: asked for again it starts from the beginning.
      await enqueue(ledger, old, { now: wayLater });
      assert.deepEqual(
        (await ledger.dueReports(wayLater, 9)).map(({ sha, version }) => [sha, version]),
        [[shaOf('1'), 1]],
      );
      assert.equal((await offer(ledger, old, 1, wayLater)).n, 1);
    },
  },
  {
    title: 'R12: a run of a commit at the head of an open place is kept, whatever place asked for it',
    async check({ ledger }) {
      const job = await endedRun(ledger, { sha: shaOf('1') });
      const other = anOrder({ sha: shaOf('1'), pull: 7 });
      await decide(ledger, other, []);
      await endedRun(ledger, { sha: shaOf('2') });
      assert.deepEqual(await forgettable(ledger), [], 'the head of pull request 7');
      assert.equal(await ledger.forgetRuns([{ jobId: job.id, generation: 1 }], wayLater), 0);
      await decide(ledger, other, [], { change: { isOpen: false, version: 2 } });
      assert.deepEqual(await forgettable(ledger), [job.id]);
    },
  },
  {
    title: 'the newest run of each context is kept while its place is open',
    async check({ ledger }) {
      const [first, second] = [
        await endedRun(ledger, { sha: shaOf('1') }, 1_000),
        await endedRun(ledger, { sha: shaOf('2') }, 1_001),
      ];
      const other = await endedRun(ledger, { sha: shaOf('1'), context: 'other' }, 1_002);
      await endedRun(ledger, { repo: 'elsewhere' });
      const head = anOrder({ sha: shaOf('3') });
      await decide(ledger, head, []);
      assert.deepEqual(await forgettable(ledger), [first.id]);
      await decide(ledger, head, [], { change: { isOpen: false, version: 2 } });
      assert.deepEqual((await forgettable(ledger)).sort(), [first.id, second.id, other.id].sort());
    },
  },
  {
    title: 'a run is kept that has not ended, that a worker still holds, or whose status nobody was told',
    async check({ ledger }) {
      const waiting = anOrder({ sha: shaOf('1') });
      await enqueue(ledger, waiting);
      const held = anOrder({ sha: shaOf('2') });
      await enqueue(ledger, held);
      const holding = FakeWorker.holding(await offer(ledger, held), 'a');
      await ledger.claimed(worker.claimed(holding), true, 2_500);
      await decide(ledger, held, [{ kind: 'cancel', jobId: held.id, reason: 'person', by: 'ada' }]);
      const untold = await endedRun(ledger, { sha: shaOf('3'), isTold: false });
      await endedRun(ledger, { repo: 'elsewhere', isTold: false });
      await closeAll(ledger, [waiting, held, untold]);
      await tellAll(ledger, [untold]);
      assert.deepEqual(await forgettable(ledger), []);
      const all = [waiting, held, untold].map(({ id }) => ({ jobId: id, generation: 1 }));
      assert.equal(await ledger.forgetRuns(all, wayLater), 0);
      await ledger.finished(worker.finished(holding, { kind: 'passed' }), true, 3_000);
      await tellAll(ledger);
      assert.deepEqual((await forgettable(ledger)).sort(), [held.id, untold.id].sort());
    },
  },
  {
    title: 'R13: a run that opened again since it was looked at is kept, also when it ended again',
    async check({ ledger }) {
      const job = anOrder({ sha: shaOf('1') });
      await enqueue(ledger, job);
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'superseded', by: 'x' }]);
      await endedRun(ledger, { sha: shaOf('2') });
      await tellAll(ledger);
      assert.deepEqual(await forgettable(ledger), [job.id]);
      await enqueue(ledger, job);
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'superseded', by: 'x' }]);
      await decide(ledger, anOrder({ sha: shaOf('2') }), []);
      await tellAll(ledger);
      assert.equal(await ledger.forgetRuns([{ jobId: job.id, generation: 1 }], wayLater), 0);
      assert.equal(await ledger.forgetRuns([{ jobId: job.id, generation: 2 }], wayLater), 1);
    },
  },
  {
    title: 'a walk through what ended shows everything once, in steps that are bounded whatever is kept',
    async check({ ledger }) {
      const expected: string[] = [];
      for (let at = 0; at < 5; at += 1) {
        expected.push((await endedRun(ledger, { sha: shaOf('1'), context: `c${at}` })).id);
        await endedRun(ledger, { repo: `kept-${at}` });
      }
      await decide(ledger, anOrder({ sha: shaOf('2') }), [], { change: { isOpen: false, version: 2 } });
      const seen: string[] = [];
      let looks = 0;
      let after: Parameters<Ledger['forgettableRuns']>[1] = null;
      do {
        const page = await ledger.forgettableRuns(wayLater, after, 3);
        seen.push(...page.runs.map(({ job }) => job.id));
        assert.ok(page.runs.length <= 3);
        after = page.next;
        looks += 1;
      } while (after !== null && looks < 20);
      assert.deepEqual(seen.sort(), expected.sort());
      assert.equal(looks, 4, 'ten that ended, three a look');
    },
  },
  {
    title: 'what was handled long ago is forgotten, and no delivery that waits',
    async check({ ledger }) {
      for (const id of ['handled', 'waiting', 'young', 'last']) await ledger.recordDelivery(deliveryOf(id));
      await ledger.endDelivery('handled', { kind: 'handled' }, 1_000);
      await ledger.endDelivery('young', { kind: 'handled' }, 5_000);
      await drain(ledger, 5_000);
      assert.equal(await ledger.recordDelivery(deliveryOf('handled')), true);
      assert.equal(await ledger.recordDelivery(deliveryOf('young')), false);
      assert.deepEqual(
        (await ledger.pendingDeliveries(9)).map(({ id }) => id),
        ['waiting', 'last', 'handled'],
      );
    },
  },
  {
    title:
      'requests and approvals of long ago are forgotten, unless the forge has yet to hear of them or a head needs them',
    async check({ ledger }) {
      const job = anOrder({ sha: shaOf('1') });
      await decide(ledger, job, [{ kind: 'request-done', requestId: 'r1' }]);
      await decide(ledger, job, [
        { kind: 'approve', sha: shaOf('1'), by: 'ada' },
        { kind: 'approve', sha: shaOf('2'), by: 'ada' },
        { kind: 'request-done', requestId: 'r2' },
      ]);
      for (const chore of await ledger.dueChores(2_000, 9)) {
        if (chore.kind === 'request-done' && chore.requestId === 'r1') await ledger.choreDone(chore);
      }
      await drain(ledger, 500);
      assert.equal((await ledger.doneRequests(['r1', 'r2'])).size, 2, 'they are younger');
      await drain(ledger);
      assert.deepEqual([...(await ledger.doneRequests(['r1', 'r2']))], ['r2']);
      assert.deepEqual(await ledger.approvedShas(changeKey(job.subject)), [shaOf('1')]);
      assert.equal((await ledger.dueChores(2_000, 9)).length, 2, 'what is to be done is still to be done');
    },
  },
  {
    title: 'a closed place is forgotten with its last run, and an open one never',
    async check({ ledger }) {
      const closed = await endedRun(ledger, { pull: 1 });
      const open = anOrder({ pull: 2, sha: shaOf('b') });
      await decide(ledger, open, []);
      await endedRun(ledger, { repo: 'elsewhere' });
      await decide(ledger, closed, [], { now: 4_000, change: { isOpen: false, version: 2 } });
      await drain(ledger);
      assert.notEqual(await ledger.lastChange(changeKey(closed.subject)), null, 'it has a run');
      await ledger.forgetRuns([{ jobId: closed.id, generation: 1 }], wayLater);
      await drain(ledger, 4_000);
      assert.notEqual(await ledger.lastChange(changeKey(closed.subject)), null, 'it closed at 4,000');
      await drain(ledger);
      assert.equal(await ledger.lastChange(changeKey(closed.subject)), null);
      assert.notEqual(await ledger.lastChange(changeKey(open.subject)), null);
    },
  },
  {
    title: 'the first digits of a run’s id are known as long as the run is',
    async check({ ledger }) {
      const job = await endedRun(ledger, { sha: shaOf('1') });
      await endedRun(ledger, { sha: shaOf('2') });
      const start = job.id.slice(0, 16);
      assert.deepEqual(await ledger.unknownRuns([start, 'f'.repeat(16)]), ['f'.repeat(16)]);
      await ledger.forgetRuns([{ jobId: job.id, generation: 1 }], wayLater);
      assert.deepEqual(await ledger.unknownRuns([start]), [start]);
    },
  },
];

/** A run that began at `now` and passed at 3,000; its status is posted unless `isTold` is false. */
async function endedRun(
  ledger: Ledger,
  { isTold = true, ...wish }: JobWish & { readonly isTold?: boolean },
  now = 1_000,
): Promise<Job> {
  const job = anOrder(wish);
  await enqueue(ledger, job, { now });
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.claimed(worker.claimed(holding), true, 2_500);
  await ledger.finished(worker.finished(holding), true, 3_000);
  if (isTold) await tellAll(ledger);
  return job;
}

async function tellAll(ledger: Ledger, but: readonly Job[] = []): Promise<void> {
  for (const report of await ledger.dueReports(wayLater, 99)) {
    if (but.some(({ subject }) => subject.sha === report.sha)) continue;
    await ledger.reportPosted(report, { state: 'success', sentence: 'Passed', path: '/' }, 3_000);
  }
}

async function closeAll(ledger: Ledger, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    const change = { ...aChange(job), isOpen: false, version: 9 };
    await ledger.applyDecision({ change, actions: [], deliveryIds: [], now: 4_000, traceId: 'trace' });
  }
}

async function forgettable(ledger: Ledger, endedBefore = wayLater): Promise<string[]> {
  return (await ledger.forgettableRuns(endedBefore, null, 99)).runs.map(({ job }) => job.id);
}

async function drain(ledger: Ledger, before = wayLater): Promise<void> {
  for (let round = 0; (await ledger.forgetTraces(before, 2)) > 0; round += 1)
    assert.ok(round < 99, 'it comes to an end');
}

function deliveryOf(id: string): Parameters<Ledger['recordDelivery']>[0] {
  const event = { kind: 'change', forge: 'git', repo: 'demo', changeKey: 'git|demo|branch/main', sha: null } as const;
  return { id, event, receivedAt: 500, traceId: 'trace' };
}
