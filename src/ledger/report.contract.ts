import assert from 'node:assert/strict';
import { anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { Notice } from '../core/action.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { ReportDue } from './report-due.ts';

const worker = new FakeWorker('w1');
const said: Verdict = { state: 'pending', sentence: 's', path: '/' };

async function theOnlyReport(ledger: Ledger, now = 100_000): Promise<ReportDue> {
  const [report, ...others] = await ledger.dueReports(now, 9);
  assert.ok(report !== undefined && others.length === 0, 'exactly one is due');
  return report;
}

async function post(ledger: Ledger, now = 100_000): Promise<void> {
  for (const report of await ledger.dueReports(now, 99)) await ledger.reportPosted(report, said, now);
}

const notice = (text: Notice | null) =>
  ({ kind: 'notice', sha: shaOf('a'), context: 'groundcrew', notice: text }) as const;

/** What the forge is told. */
export const reportClauses: readonly LedgerClause[] = [
  {
    title: 'each step of a job is due to be shown, with where it stands',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const standing = async () => {
        const report = await theOnlyReport(ledger);
        assert.ok(report.about.kind === 'job');
        assert.deepEqual(
          [report.forge, report.repo, report.sha, report.context, report.tries, report.about.job],
          ['git', 'demo', shaOf('a'), 'test', 0, job],
        );
        const { state, phase, attempts, outcome, generation, jobId } = report.about.standing;
        assert.deepEqual([generation, jobId], [1, job.id]);
        await ledger.reportPosted(report, said, 1);
        assert.deepEqual(await ledger.dueReports(100_000, 9), []);
        return [state, phase, attempts, outcome];
      };
      assert.deepEqual(await standing(), ['waiting', null, 0, null]);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      assert.deepEqual(await standing(), ['offered', null, 1, null]);
      await ledger.claimed(worker.claimed(holding), true, 3_000);
      assert.deepEqual(await standing(), ['running', 'claimed', 1, null]);
      await ledger.beat(worker.beat(holding, 'checkout'), true, 4_000);
      assert.deepEqual(await standing(), ['running', 'checkout', 1, null]);
      await ledger.beat(worker.beat(holding, 'checkout', 5), true, 5_000);
      assert.deepEqual(await ledger.dueReports(100_000, 9), [], 'a plain sign of life is not news');
      await ledger.finished(worker.finished(holding), true, 6_000);
      assert.deepEqual(await standing(), ['ended', null, 1, { kind: 'passed' }]);
    },
  },
  {
    title: 'posting acknowledges what was posted, not what changed meanwhile',
    async check({ ledger, reopen }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const before = await theOnlyReport(ledger);
      await offer(ledger, job);
      await ledger.reportPosted(before, said, 2_000);
      const after = await theOnlyReport(ledger);
      assert.ok(after.version > before.version);
      await ledger.reportPosted(after, said, 3_000);
      await ledger.reportPosted(before, said, 4_000);
      assert.deepEqual(await (await reopen()).dueReports(100_000, 9), []);
    },
  },
  {
    title: 'a failed post comes back at its time, unless something newer is to be said',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      assert.equal(await ledger.nextReportAt(), 0);
      await ledger.reportFailed(await theOnlyReport(ledger), 50_000);
      assert.deepEqual(await ledger.dueReports(49_999, 9), []);
      assert.equal(await ledger.nextReportAt(), 50_000);
      const again = await theOnlyReport(ledger, 50_000);
      assert.equal(again.tries, 1);
      await offer(ledger, job);
      await ledger.reportFailed(again, 99_000);
      const newer = await theOnlyReport(ledger, 2_000);
      assert.equal(newer.tries, 0);
      await ledger.reportPosted(newer, said, 3_000);
      assert.equal(await ledger.nextReportAt(), null);
    },
  },
  {
    title: 'finals go first, and never more than asked for',
    async check({ ledger }) {
      const jobs = ['a', 'b', 'c'].map((context) => anOrder({ context }));
      for (const job of jobs) await enqueue(ledger, job);
      const [, , last] = jobs;
      assert.ok(last);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, last), 'a')), true, 3_000);
      assert.deepEqual(
        (await ledger.dueReports(9_000, 1)).map(({ context }) => context),
        ['c'],
      );
      assert.equal((await ledger.dueReports(9_000, 9)).length, 3);
    },
  },
  {
    title: 'R4: the status shows the job whose occasion was applied last',
    async check({ ledger }) {
      const [pushed, asked] = [anOrder(), anOrder({ occasion: 'request:1' })];
      await enqueue(ledger, pushed);
      const holding = FakeWorker.holding(await offer(ledger, pushed), 'a');
      await enqueue(ledger, asked);
      await post(ledger);
      await ledger.finished(worker.finished(holding), true, 5_000);
      assert.deepEqual(await ledger.dueReports(100_000, 9), [], 'the older one is history');
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, asked), 'b')), true, 6_000);
      const report = await theOnlyReport(ledger);
      assert.ok(report.about.kind === 'job' && report.about.standing.jobId === asked.id);
      const known = await ledger.jobsOfChange('git|demo|branch/main', shaOf('a'));
      assert.deepEqual(
        known.map(({ id, hasWord }) => [id, hasWord]),
        [
          [pushed.id, false],
          [asked.id, true],
        ],
      );
    },
  },
  {
    title: 'asking again for a job that stands takes the word from nobody',
    async check({ ledger }) {
      const [pushed, asked] = [anOrder(), anOrder({ occasion: 'request:1' })];
      await enqueue(ledger, pushed);
      await enqueue(ledger, asked);
      await post(ledger);
      await enqueue(ledger, pushed);
      assert.deepEqual(await ledger.dueReports(100_000, 9), []);
    },
  },
  {
    title: 'what the forge shows wrongly is said again',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await post(ledger);
      await decide(ledger, job, [{ kind: 'restate', jobId: job.id }]);
      assert.equal((await theOnlyReport(ledger)).about.kind, 'job');
    },
  },
  {
    title: 'a skip that the forge shows wrongly is said again',
    async check({ ledger }) {
      const job = anOrder();
      const [sha, context] = [job.subject.sha, 'docs'];
      await decide(ledger, job, [{ kind: 'skip', sha, context, sentence: 'Skipped by anna' }]);
      await post(ledger);
      await decide(ledger, job, [{ kind: 'restate-skip', sha, context }]);
      const { about } = await theOnlyReport(ledger);
      assert.ok(about.kind === 'notice' && about.notice?.kind === 'skipped');
      await post(ledger);
      await decide(ledger, job, [{ kind: 'restate-skip', sha, context: 'other' }]);
      assert.deepEqual(await ledger.dueReports(1_000_000, 9), [], 'what was never skipped is nothing to say');
    },
  },
  {
    title: 'what one of two places with the same commit says is not taken back by the other',
    async check({ ledger }) {
      const [ours, theirs] = [anOrder({ pull: 1 }), anOrder({ pull: 2 })];
      for (let look = 0; look < 3; look += 1) {
        await decide(ledger, theirs, [notice({ kind: 'needs-approval', sentence: 'waits' })]);
        await decide(ledger, ours, [notice(null)]);
      }
      assert.equal((await theOnlyReport(ledger)).version, 1);
      await decide(ledger, theirs, [notice(null)]);
      assert.deepEqual((await theOnlyReport(ledger)).about, { kind: 'notice', notice: null });
    },
  },
  {
    title: 'a notice is said once, again when it changes, and withdrawn once',
    async check({ ledger }) {
      const job = anOrder({ pull: 3 });
      const [wait, other]: [Notice, Notice] = [
        { kind: 'needs-approval', sentence: 'waits' },
        { kind: 'nothing-to-run', sentence: 'nothing' },
      ];
      await decide(ledger, job, [notice(null)]);
      assert.deepEqual(await ledger.dueReports(100_000, 9), [], 'withdrawing what was never said is nothing to say');
      await decide(ledger, job, [notice(wait)]);
      assert.deepEqual((await theOnlyReport(ledger)).about, { kind: 'notice', notice: wait });
      await post(ledger);
      await decide(ledger, job, [notice(wait)]);
      assert.deepEqual(await ledger.dueReports(100_000, 9), []);
      await decide(ledger, job, [notice(other)]);
      assert.deepEqual((await theOnlyReport(ledger)).about, { kind: 'notice', notice: other });
      await post(ledger);
      await decide(ledger, job, [notice(null)]);
      assert.deepEqual((await theOnlyReport(ledger)).about, { kind: 'notice', notice: null });
      await post(ledger);
      await decide(ledger, job, [notice(null)]);
      assert.deepEqual(await ledger.dueReports(100_000, 9), []);
    },
  },
];
