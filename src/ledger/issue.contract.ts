import assert from 'node:assert/strict';
import { anOrder, enqueue, FakeWorker, offer } from '../../test/support/ledger-world.ts';
import type { Job } from '../core/job.ts';
import type { Outcome } from '../core/outcome.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { Ledger } from './ledger.ts';
import type { IssueDue } from './report-due.ts';

const worker = new FakeWorker('w1');
const failed: Outcome = { kind: 'failed', exitCode: 1, reason: 'exit' };
const passed: Outcome = { kind: 'passed' };
const hourMs = 3_600_000;

/** The n-th run of a check whose failures open an issue; it ends at once. */
async function run(
  ledger: Ledger,
  n: number,
  outcome: Outcome,
  given: Partial<Job> & { now?: number } = {},
): Promise<Job> {
  const { now = n * 1_000, ...wish } = given;
  const job = anOrder({ branch: 'main', occasion: `schedule:${String(n)}`, reportsIssue: true, ...wish });
  await enqueue(ledger, job);
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.finished(worker.finished({ ...holding, nonce: n.toString(16).padStart(16, '0') }, outcome), true, now);
  return job;
}

async function due(ledger: Ledger): Promise<readonly IssueDue[]> {
  return ledger.dueIssues(1_000_000, 9);
}

/** Keeps what is due; says of each whether it is open, and how often it failed. */
async function keep(ledger: Ledger, now = 1_000): Promise<readonly string[]> {
  const issues = await due(ledger);
  for (const issue of issues) await ledger.issueKept(issue, now);
  return issues.map(({ isOpen, failures }) => `${isOpen ? 'open' : 'closed'} ${String(failures)}`);
}

/** Issues about checks of branches. */
export const issueClauses: readonly LedgerClause[] = [
  {
    title: 'a failure that tells by an issue is due until it is kept, with since when and how often',
    async check({ ledger, reopen }) {
      const first = await run(ledger, 1, failed);
      const [issue, ...others] = await due(ledger);
      assert.ok(issue !== undefined && others.length === 0);
      assert.deepEqual(
        [issue.forge, issue.repo, issue.branch, issue.context, issue.isOpen, issue.tries, issue.failures],
        ['git', 'demo', 'main', 'test', true, 0, 1],
      );
      assert.deepEqual([issue.job, issue.outcome, issue.failingSince], [first, failed, 1_000]);
      const second = await run(ledger, 2, failed);
      const [again] = await due(ledger);
      assert.deepEqual([again?.job, again?.failures, again?.failingSince], [second, 2, 1_000]);
      assert.deepEqual(await ledger.dueIssues(1_000_000, 9, 'hub'), [], 'another forge has none');
      await ledger.issueKept(issue, 5_000);
      assert.equal((await due(ledger)).length, 1, 'what was kept is not what came meanwhile');
      await keep(ledger);
      assert.deepEqual(await due(await reopen()), []);
    },
  },
  {
    title: 'a job that tells no issue, and an end that is no verdict, open none',
    async check({ ledger }) {
      await run(ledger, 1, failed, { reportsIssue: false });
      await run(ledger, 2, { kind: 'canceled', reason: 'person', by: 'ada' });
      assert.deepEqual(await due(ledger), []);
    },
  },
  {
    title: 'a success closes what is open, and only once',
    async check({ ledger }) {
      await run(ledger, 1, failed);
      await keep(ledger);
      await run(ledger, 2, passed);
      assert.deepEqual(await keep(ledger), ['closed 0']);
      await run(ledger, 3, passed);
      assert.deepEqual(await due(ledger), []);
      await run(ledger, 4, failed);
      assert.deepEqual(await keep(ledger), ['open 1'], 'it opens again');
    },
  },
  {
    title: 'R11: the first success closes an issue that this ledger never opened, and only the first',
    async check({ ledger }) {
      await run(ledger, 1, passed);
      assert.deepEqual(await keep(ledger), ['closed 0']);
      await run(ledger, 2, passed);
      assert.deepEqual(await due(ledger), []);
    },
  },
  {
    title: 'a failure after a failure is told at each doubling, when its ending is another, and once a day',
    async check({ ledger }) {
      const told: string[] = [];
      for (let n = 1; n <= 9; n += 1) {
        await run(ledger, n, failed);
        told.push(...(await keep(ledger)));
      }
      assert.deepEqual(told, ['open 1', 'open 2', 'open 4', 'open 8']);
      await run(ledger, 10, { kind: 'timed-out', afterMs: 5 });
      assert.deepEqual(await keep(ledger), ['open 10']);
      await run(ledger, 11, { kind: 'timed-out', afterMs: 5 }, { now: 24 * hourMs });
      assert.deepEqual(await keep(ledger, 24 * hourMs), ['open 11']);
    },
  },
  {
    title: 'an issue that could not be kept comes back at its time, unless something newer is to be said',
    async check({ ledger }) {
      await run(ledger, 1, failed);
      const [issue] = await due(ledger);
      assert.ok(issue);
      await ledger.issueFailed(issue, 50_000);
      assert.deepEqual(await ledger.dueIssues(49_999, 9), []);
      const [again] = await ledger.dueIssues(50_000, 9);
      assert.equal(again?.tries, 1);
      await run(ledger, 2, passed);
      await ledger.issueFailed(issue, 99_000);
      assert.equal((await ledger.dueIssues(3_000, 9))[0]?.isOpen, false);
    },
  },
];
