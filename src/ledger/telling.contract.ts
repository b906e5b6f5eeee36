import assert from 'node:assert/strict';
import { aChange, anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { Verdict } from '../core/verdict.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { Ledger } from './ledger.ts';
import type { ReportDue } from './report-due.ts';

const worker = new FakeWorker('w1');
const said: Verdict = { state: 'pending', sentence: 's', path: '/' };
const [hourMs, dayMs] = [3_600_000, 24 * 3_600_000];

async function theOnlyReport(ledger: Ledger, now = 100_000): Promise<ReportDue> {
  const [report, ...others] = await ledger.dueReports(now, 9);
  assert.ok(report !== undefined && others.length === 0, 'exactly one is due');
  return report;
}

/** Which of them are due, in order: context and the first digit of the commit. */
async function order(ledger: Ledger, limit = 99): Promise<readonly string[]> {
  return (await ledger.dueReports(100_000, limit)).map(({ context, sha }) => `${context}@${sha.slice(0, 1)}`);
}

/** How much, how often and in which order a forge is told. */
export const tellingClauses: readonly LedgerClause[] = [
  {
    title: 'posts are counted for the occasion that they were about, and whether anything is shown',
    async check({ ledger }) {
      const [pushed, asked] = [anOrder(), anOrder({ occasion: 'request:1' })];
      await enqueue(ledger, pushed);
      const first = await theOnlyReport(ledger);
      assert.deepEqual([first.posts, first.isShown], [0, false]);
      await ledger.reportPosted(first, said, 2_000);
      await offer(ledger, pushed);
      const second = await theOnlyReport(ledger);
      assert.deepEqual([second.posts, second.isShown], [1, true]);
      await enqueue(ledger, asked);
      await ledger.reportPosted(second, said, 3_000);
      const third = await theOnlyReport(ledger);
      assert.deepEqual(
        [third.posts, third.isShown],
        [0, true],
        'a late post of the earlier occasion counts for that one',
      );
      await ledger.reportPosted(third, said, 3_000);
      await decide(ledger, asked, [{ kind: 'restate', jobId: asked.id }]);
      assert.equal((await theOnlyReport(ledger)).posts, 0, 'what is shown wrongly is said anew');
    },
  },
  {
    title: 'what a look finds unsaid while it is being told is told once',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const due = await theOnlyReport(ledger);
      // The post is under way; a look that began before it shows nothing of it.
      await decide(ledger, job, [{ kind: 'restate', jobId: job.id }]);
      await ledger.reportPosted(due, said, 3_000);
      assert.deepEqual(await ledger.dueReports(100_000, 9), []);
    },
  },
  {
    title: 'who asks is told what the forge shows of a commit and what it is to be told, context by context',
    async check({ ledger, reader }) {
      const [one, two] = [anOrder({ context: 'one' }), anOrder({ context: 'two' })];
      assert.equal(await reader.placeSeen(aChange(one).key), null);
      for (const job of [one, two]) await enqueue(ledger, job);
      const commit = { forge: 'git', repo: 'demo', sha: shaOf('a') };
      const due = await ledger.dueReports(2_000, 9);
      const posted = due.find(({ context }) => context === 'one') ?? assert.fail();
      await ledger.reportPosted(posted, said, 2_000);
      const notice = { kind: 'skipped', sentence: 'Skipped by ada: x' } as const;
      const skip = { kind: 'skip', sha: shaOf('a'), context: 'two', sentence: notice.sentence } as const;
      await decide(ledger, two, [skip]);
      assert.equal((await reader.placeSeen(aChange(one).key))?.headSha, shaOf('a'));
      const first = { context: 'one', jobId: one.id, notice: null, said, isCurrent: true, refused: null };
      const second = { context: 'two', jobId: null, notice, said: null, isCurrent: false, refused: null };
      assert.deepEqual(await reader.shownAt(commit), [first, second]);
      assert.deepEqual(await reader.shownAt({ ...commit, sha: shaOf('b') }), []);
      assert.deepEqual(await reader.shownAt({ ...commit, repo: 'other' }), []);
      await offer(ledger, one);
      for (const report of await ledger.dueReports(3_000, 9)) await ledger.reportRefused(report, 'no right', 3_000);
      assert.deepEqual(await reader.shownAt(commit), [
        { ...first, isCurrent: false, refused: 'no right' },
        { ...second, refused: 'no right' },
      ]);
    },
  },
  {
    title: 'a view from before the forge was told says nothing about that, however late it is decided on',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await ledger.reportPosted(await theOnlyReport(ledger), said, 3_000);
      const restateSeen = async (viewedAt: number): Promise<number> => {
        const actions = [{ kind: 'restate', jobId: job.id }] as const;
        const decision = { change: aChange(job), actions, deliveryIds: [], traceId: 't' };
        await ledger.applyDecision({ ...decision, now: hourMs, viewedAt });
        return (await ledger.dueReports(hourMs, 9)).length;
      };
      assert.equal(await restateSeen(3_000), 0);
      assert.equal(await restateSeen(3_001), 1);
    },
  },
  {
    title: 'a step that is left out is not due and not counted, and what comes after it is',
    async check({ ledger, reopen }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await ledger.reportSkipped(await theOnlyReport(ledger));
      assert.deepEqual(await (await reopen()).dueReports(100_000, 9), []);
      await offer(ledger, job);
      assert.equal((await theOnlyReport(ledger)).posts, 0);
    },
  },
  {
    title: 'verdicts, then first words, then what was superseded, then the rest; of each commit one, the oldest first',
    async check({ ledger }) {
      const job = (context: string, sha: string) => anOrder({ context, sha: shaOf(sha) });
      const [stepped, ended, gone] = [job('step', '1'), job('end', '1'), job('gone', '1')];
      for (const one of [stepped, ended, gone]) await enqueue(ledger, one, { now: 1_000 });
      for (const report of await ledger.dueReports(2_000, 9)) await ledger.reportPosted(report, said, 2_000);
      await offer(ledger, stepped);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, ended), 'a')), true, 3_000);
      await decide(ledger, gone, [{ kind: 'cancel', jobId: gone.id, reason: 'superseded', by: shaOf('2') }]);
      for (const context of ['x', 'y', 'z']) await enqueue(ledger, job(context, '2'), { now: 4_000 });
      await enqueue(ledger, job('late', '3'), { now: 5_000 });
      assert.deepEqual(await order(ledger), ['end@1', 'x@2', 'late@3', 'y@2', 'z@2', 'gone@1', 'step@1']);
      assert.deepEqual(await order(ledger, 3), ['end@1', 'x@2', 'late@3']);
    },
  },
  {
    title: 'the forge hears that a request is done after it has shown what the request led to (R11)',
    async check({ ledger }) {
      const asked = anOrder({ context: 'asked', occasion: 'request:r1' });
      const stopped = anOrder({ context: 'stopped' });
      const other = anOrder({ context: 'other' });
      for (const job of [stopped, other]) await enqueue(ledger, job);
      await decide(ledger, asked, [
        { kind: 'enqueue', job: asked, generation: 1 },
        { kind: 'cancel', jobId: stopped.id, reason: 'person', by: 'ada' },
        { kind: 'skip', sha: shaOf('a'), context: 'skipped', sentence: 'Skipped by ada' },
        { kind: 'request-done', requestId: 'r1' },
      ]);
      for (const context of ['asked', 'stopped', 'skipped']) {
        assert.deepEqual(await ledger.dueChores(2_000, 9), [], `${context} is not shown yet`);
        const report = (await ledger.dueReports(2_000, 9)).find((due) => due.context === context);
        assert.ok(report !== undefined);
        // What the forge refuses for good is waited for no longer.
        if (context === 'stopped') await ledger.reportRefused(report, 'no such commit', 2_000);
        else await ledger.reportPosted(report, said, 2_000);
      }
      assert.deepEqual(
        (await ledger.dueChores(2_000, 9)).map(({ kind }) => kind),
        ['request-done'],
      );
    },
  },
  {
    title: 'each forge is asked for what is its own',
    async check({ ledger }) {
      const here = anOrder();
      const there = { ...anOrder({ context: 'there' }), subject: { ...here.subject, forge: 'hub' } };
      assert.deepEqual(await ledger.forgesToTell(), []);
      for (const job of [here, there]) await enqueue(ledger, job);
      await decide(ledger, here, [{ kind: 'request-done', requestId: 'r1' }]);
      assert.deepEqual(await ledger.forgesToTell(), ['git', 'hub']);
      const contexts = async (forge: string) =>
        (await ledger.dueReports(9_000, 9, forge)).map(({ context }) => context);
      assert.deepEqual([await contexts('git'), await contexts('hub')], [['test'], ['there']]);
      const chores = async (forge: string) => (await ledger.dueChores(9_000, 9, forge)).length;
      assert.deepEqual([await chores('git'), await chores('hub')], [1, 0]);
      for (const report of await ledger.dueReports(9_000, 9, 'hub')) await ledger.reportPosted(report, said, 9_000);
      assert.deepEqual([await ledger.nextReportAt('hub'), await ledger.nextReportAt('git')], [null, 0]);
    },
  },
  {
    title: 'what the forge refuses is not due, except a verdict a day later, until something newer is to be said',
    async check({ ledger, reopen }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await ledger.reportRefused(await theOnlyReport(ledger), 'no such commit', 1_000);
      assert.deepEqual(await ledger.dueReports(2 * dayMs, 9), [], 'a step is not worth another try');
      assert.equal(await ledger.nextReportAt(), null);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, job), 'a')), true, 3_000);
      await ledger.reportRefused(await theOnlyReport(ledger), 'no such commit', 5_000);
      assert.deepEqual(await ledger.dueReports(4_999 + dayMs, 9), []);
      assert.equal(await ledger.nextReportAt(), 5_000 + dayMs);
      const again = await theOnlyReport(await reopen(), 5_000 + dayMs);
      assert.equal(again.tries, 1);
      await ledger.reportFailed(again, 7_000 + dayMs);
      assert.deepEqual(await ledger.dueReports(6_000 + dayMs, 9), [], 'away is not refused: it has its own pause');
      assert.equal((await theOnlyReport(ledger, 7_000 + dayMs)).tries, 2);
    },
  },
  {
    title: 'what was refused a moment ago is not restated, and what was refused lets its run be forgotten',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, job), 'a')), true, 3_000);
      await ledger.reportRefused(await theOnlyReport(ledger), 'no', 10_000);
      await decide(ledger, job, [{ kind: 'restate', jobId: job.id }], { now: 11_000 });
      assert.deepEqual(await ledger.dueReports(12_000, 9), []);
      await decide(ledger, job, [{ kind: 'restate', jobId: job.id }], { now: 10_001 + hourMs });
      await ledger.reportRefused(await theOnlyReport(ledger), 'no', 10_002 + hourMs);
      const newer = anOrder({ sha: shaOf('b') });
      await enqueue(ledger, newer);
      await decide(ledger, newer, [], { change: { isOpen: false, version: 9 } });
      const { runs } = await ledger.forgettableRuns(1e12, null, 9);
      assert.deepEqual(
        runs.map((run) => run.job.id),
        [job.id],
      );
    },
  },
  {
    title: 'what the forge took a moment ago is not said again, whoever says something else there',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      await ledger.reportPosted(await theOnlyReport(ledger), said, 10_000);
      const told: number[] = [];
      for (let now = 10_000; now < hourMs; now += 5_000) {
        await decide(ledger, job, [{ kind: 'restate', jobId: job.id }], { now });
        for (const report of await ledger.dueReports(now, 9)) {
          told.push(now);
          await ledger.reportPosted(report, said, now);
        }
      }
      assert.ok((told[0] ?? hourMs) < 60_000, 'a post that came late is mended soon');
      assert.ok(told.length <= 5, 'two who say it as fast as they can never end');
    },
  },
  {
    title: 'waiting jobs of which one post tells are listed, the longest told first',
    async check({ ledger }) {
      const jobs = ['a', 'b', 'c'].map((context) => anOrder({ context }));
      for (const job of jobs) await enqueue(ledger, job);
      const [a, , c] = jobs;
      assert.ok(a !== undefined && c !== undefined);
      for (const [at, report] of (await ledger.dueReports(9_000, 9)).toReversed().entries())
        await ledger.reportPosted(report, { ...said, sentence: report.context }, 5_000 + at);
      await offer(ledger, c);
      for (const report of await ledger.dueReports(9_000, 9)) await ledger.reportSkipped(report);
      const shown = async (before: number, after = 0) =>
        (await ledger.shownWaiting('git', before, after, 9)).map(
          (one) => `${one.said.sentence} ${String(one.postedAt)}`,
        );
      assert.deepEqual(await shown(9_000), ['b 5001', 'a 5002']);
      assert.deepEqual([await shown(5_002), await shown(9_000, 5_001)], [['b 5001'], ['a 5002']]);
      const [told] = await ledger.shownWaiting('git', 9_000, 0, 1);
      assert.ok(told);
      await ledger.reportPosted(told, said, 6_000);
      assert.deepEqual(await shown(9_000), ['a 5002']);
    },
  },
  {
    title: 'for a forge that is told nothing, what is due comes in any order and only so much of it',
    async check({ ledger }) {
      for (const context of ['a', 'b', 'c']) await enqueue(ledger, anOrder({ context }));
      const some = await ledger.untoldReports(9_000, 2, 'git');
      assert.equal(some.length, 2);
      const all = await ledger.dueReports(9_000, 9, 'git');
      for (const report of some)
        assert.deepEqual(
          all.find(({ context }) => context === report.context),
          report,
        );
      assert.deepEqual(await ledger.untoldReports(9_000, 9, 'another'), []);
      for (const report of some) await ledger.reportPosted(report, said, 9_000);
      assert.deepEqual(await ledger.untoldReports(9_000, 9, 'git'), await ledger.dueReports(9_000, 9, 'git'));
    },
  },
];
