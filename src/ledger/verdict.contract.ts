import assert from 'node:assert/strict';
import { anOrder, enqueue, FakeWorker, offer, shaOf, type JobWish } from '../../test/support/ledger-world.ts';
import type { Job } from '../core/job.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Holding } from '../core/worker-message.ts';
import { changeKey } from '../core/subject.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerClause } from './harness.contract.ts';

const [one, two] = [new FakeWorker('w1'), new FakeWorker('w2')];
const passed: Outcome = { kind: 'passed' };
const failed: Outcome = { kind: 'failed', exitCode: 3, reason: 'exit' };
const broken: Outcome = { kind: 'broken', cause: 'executor', phase: 'starting' };

async function outcomeOf(ledger: Ledger, job: Job): Promise<Outcome | null> {
  const known = await ledger.jobsOfChange(changeKey(job.subject), job.subject.sha);
  return known.find(({ id }) => id === job.id)?.outcome ?? null;
}

/** A job whose first attempt is lost to `w1` (holding `a`) and whose second is held by `w2` (holding `b`). */
async function runsTwice(ledger: Ledger, wish: JobWish): Promise<{ job: Job; lost: Holding; owner: Holding }> {
  const job = anOrder(wish);
  await enqueue(ledger, job);
  const lost = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.claimed(one.claimed(lost), true, 3_000);
  await ledger.lose(await ledger.liveAttempts(), 70_000);
  const owner = FakeWorker.holding(await offer(ledger, job, 1, 71_000), 'b');
  await ledger.claimed(two.claimed(owner), true, 72_000);
  return { job, lost, owner };
}

/** From running to the end. */
export const verdictClauses: readonly LedgerClause[] = [
  {
    title: 'R4: the first verdict of any attempt of the generation closes the job, and the others are withdrawn',
    async check({ ledger }) {
      const { job, lost, owner } = await runsTwice(ledger, {});
      const { stops, isNews } = await ledger.finished(one.finished(lost, failed), true, 80_000);
      assert.equal(isNews, true);
      assert.deepEqual(
        stops.map(({ worker, nonce, reason, n }) => [worker, nonce, reason, n]),
        [['w2', owner.nonce, 'withdrawn', 2]],
      );
      await ledger.finished(two.finished(owner, passed), true, 90_000);
      assert.deepEqual(await outcomeOf(ledger, job), failed);
      assert.deepEqual(await ledger.liveAttempts(), []);
      assert.equal((await ledger.beat(two.beat(owner), true, 91_000)).stops.length, 1);
    },
  },
  {
    title: 'R4: a verdict closes a job that waits for its next try, or is offered',
    async check({ ledger }) {
      for (const context of ['waits', 'offered']) {
        const job = anOrder({ context });
        await enqueue(ledger, job);
        const lost = FakeWorker.holding(await offer(ledger, job), 'a');
        await ledger.claimed(one.claimed(lost), true, 3_000);
        await ledger.lose(await ledger.liveAttempts(), 70_000);
        if (context === 'offered') await offer(ledger, job);
        await ledger.finished(one.finished(lost, passed), true, 80_000);
        assert.deepEqual(await outcomeOf(ledger, job), passed);
      }
      assert.deepEqual(await ledger.offered(), []);
      assert.deepEqual((await ledger.feedView(90_000, 9)).candidates, []);
    },
  },
  {
    title: 'R4: of an exclusive job only the owner’s verdict counts',
    async check({ ledger }) {
      const { job, lost, owner } = await runsTwice(ledger, { exclusive: true });
      const { stops } = await ledger.finished(one.finished(lost, passed), true, 80_000);
      assert.deepEqual([stops, await outcomeOf(ledger, job)], [[], null]);
      await ledger.finished(two.finished(owner, failed), true, 90_000);
      assert.deepEqual(await outcomeOf(ledger, job), failed);
    },
  },
  {
    title: 'a result counts although its claim never came, and a repeated one changes nothing',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      const message = one.finished(holding, failed);
      await ledger.finished(message, true, 5_000);
      assert.deepEqual(await outcomeOf(ledger, job), failed);
      const [due] = await ledger.dueReports(6_000, 9);
      assert.ok(due);
      await ledger.reportPosted(due, { state: 'failure', sentence: 's', path: '/' }, 6_000);
      assert.deepEqual((await ledger.finished(message, true, 7_000)).stops, []);
      await ledger.sealed(one.sealed(holding));
      assert.deepEqual(await ledger.dueReports(8_000, 9), []);
    },
  },
  {
    title: 'the machinery’s failures are retried after growing pauses, and the third is the end',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      for (const pause of [5_000, 60_000]) {
        const holding = FakeWorker.holding(await offer(ledger, job), 'a');
        await ledger.claimed(one.claimed(holding), true, 10_000);
        await ledger.finished(one.finished(holding, broken), true, 20_000);
        assert.equal(await outcomeOf(ledger, job), null);
        assert.equal((await ledger.feedView(20_000, 9)).nextAt, 20_000 + pause);
      }
      const last = FakeWorker.holding(await offer(ledger, job), 'a');
      assert.equal(last.envelope.n, 3);
      await ledger.finished(one.finished(last, broken), true, 30_000);
      assert.deepEqual(await outcomeOf(ledger, job), broken);
    },
  },
  {
    title: 'an attempt that was canceled although its job goes on is handed back, not a try',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      for (let time = 0; time < 4; time++) {
        const holding = FakeWorker.holding(await offer(ledger, job), 'a');
        await ledger.claimed(one.claimed(holding), true, 3_000);
        const outcome: Outcome = { kind: 'canceled', reason: 'withdrawn', by: 'another attempt runs' };
        await ledger.finished(one.finished(holding, outcome), true, 4_000);
        assert.equal(await outcomeOf(ledger, job), null);
        assert.equal((await ledger.feedView(4_000, 9)).candidates.length, 1);
      }
    },
  },
  {
    title: 'a broken end of a number that is over is not a try of the next one',
    async check({ ledger }) {
      const { job, lost, owner } = await runsTwice(ledger, {});
      await ledger.finished(one.finished(lost, broken), true, 80_000);
      assert.equal((await ledger.liveAttempts()).length, 1);
      await ledger.finished(two.finished(owner, passed), true, 90_000);
      assert.deepEqual(await outcomeOf(ledger, job), passed);
    },
  },
  {
    title: 'a job at another commit is another job',
    async check({ ledger }) {
      const [job, other] = [anOrder(), anOrder({ sha: shaOf('b') })];
      await enqueue(ledger, job);
      await enqueue(ledger, other);
      await ledger.finished(one.finished(FakeWorker.holding(await offer(ledger, job), 'a'), passed), true, 3_000);
      assert.equal(await outcomeOf(ledger, other), null);
    },
  },
];
