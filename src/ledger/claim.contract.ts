import assert from 'node:assert/strict';
import { anOrder, decide, enqueue, envelopeFor, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { Job } from '../core/job.ts';
import type { Outcome } from '../core/outcome.ts';
import { jobQueue } from '../core/queue-plan.ts';
import { changeKey } from '../core/subject.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerClause } from './harness.contract.ts';

const [one, two] = [new FakeWorker('w1'), new FakeWorker('w2')];
const broken: Outcome = { kind: 'broken', cause: 'checkout', phase: 'checkout' };

/** A job that waits, and one that was offered once. */
async function waiting(ledger: Ledger, wish: Parameters<typeof anOrder>[0] = {}): Promise<Job> {
  const job = anOrder(wish);
  await enqueue(ledger, job);
  return job;
}

/** Owner flags of the live attempts by nonce digit: `a+ b-`. */
async function owners(ledger: Ledger): Promise<string> {
  const live = (await ledger.liveAttempts()).map(({ nonce, isOwner }) => `${nonce.charAt(0)}${isOwner ? '+' : '-'}`);
  return live.sort().join(' ');
}

/** From waiting to running. */
export const claimClauses: readonly LedgerClause[] = [
  {
    title: 'R1: an attempt is numbered before it is published, each number once',
    async check({ ledger, reopen }) {
      const job = await waiting(ledger);
      const order = { jobId: job.id, generation: 1, queue: jobQueue(job), baseSha: null, now: 2_000 };
      assert.equal(await ledger.createAttempt({ ...order, generation: 2 }), null);
      assert.deepEqual(await Promise.all([ledger.createAttempt(order), ledger.createAttempt(order)]), [1, null]);
      assert.deepEqual(
        (await (await reopen()).offered()).map(({ n, generation, jobId }) => ({ n, generation, jobId })),
        [{ n: 1, generation: 1, jobId: job.id }],
      );
      await ledger.finished(one.finished(FakeWorker.holding(envelopeFor(job, 1, 1), 'a'), broken), true, 3_000);
      assert.equal(await ledger.createAttempt(order), 2);
      const [candidate] = (await ledger.feedView(9_000_000, 9)).candidates;
      assert.equal(candidate, undefined);
    },
  },
  {
    title: 'what was offered is listed by queue, oldest first, with what publishing it again takes',
    async check({ ledger }) {
      const [late, early, kvm] = [
        await waiting(ledger, { context: 'late' }),
        await waiting(ledger, { context: 'early' }),
        await waiting(ledger, { needs: ['kvm'], context: 'kvm' }),
      ];
      const at = (job: Job, now: number, baseSha: string | null = null) =>
        ledger.createAttempt({ jobId: job.id, generation: 1, queue: jobQueue(job), baseSha, now });
      await at(late, 3_000);
      await at(early, 2_000, shaOf('b'));
      await at(kvm, 1_000);
      assert.deepEqual(
        (await ledger.offered()).map(({ job }) => job.context),
        ['kvm', 'early', 'late'],
      );
      const [first, ...others] = await ledger.offered(jobQueue(early));
      assert.deepEqual(first, {
        jobId: early.id,
        generation: 1,
        n: 1,
        queue: jobQueue(early),
        offeredAt: 2_000,
        job: early,
        baseSha: shaOf('b'),
        avoid: [],
        traceId: 'trace',
      });
      assert.equal(others.length, 1);
    },
  },
  {
    title: 'the base commit is fixed by the first offer and kept by retries',
    async check({ ledger }) {
      const job = await waiting(ledger);
      const order = { jobId: job.id, generation: 1, queue: jobQueue(job), now: 2_000 };
      await ledger.createAttempt({ ...order, baseSha: shaOf('b') });
      await ledger.finished(one.finished(FakeWorker.holding(envelopeFor(job, 1, 1), 'a'), broken), true, 3_000);
      assert.equal((await ledger.feedView(60_000, 9)).candidates[0]?.baseSha, shaOf('b'));
      await ledger.createAttempt({ ...order, baseSha: shaOf('c') });
      assert.equal((await ledger.offered())[0]?.baseSha, shaOf('b'));
    },
  },
  {
    title: 'feeding sees the first of each class and project, those on their way, and when a back-off ends',
    async check({ ledger }) {
      for (const [at, priority] of [0, 3, 1, 2].entries()) {
        await enqueue(ledger, anOrder({ context: `c${at}`, priority }), { now: 1_000 });
      }
      const old = anOrder({ context: 'old' });
      await enqueue(ledger, old, { now: 1_000 - 90 * 60_000 });
      await waiting(ledger, { repo: 'other', context: 'other' });
      const kvm = await waiting(ledger, { needs: ['kvm'], context: 'kvm' });
      const seen = async (now: number, perClass = 3) =>
        (await ledger.feedView(now, perClass)).candidates.map(({ job }) => job.context).sort();
      assert.deepEqual(await seen(2_000, 1), ['c1', 'kvm', 'other'], 'no project hides another');
      assert.deepEqual(await seen(2_000), ['c1', 'c3', 'kvm', 'other'], 'an hour of age is a step of priority');
      for (const context of ['c1', 'c3']) await offer(ledger, anOrder({ context, priority: context === 'c1' ? 3 : 2 }));
      assert.deepEqual(await seen(2_000), ['c2', 'kvm', 'old', 'other']);
      const holding = FakeWorker.holding(await offer(ledger, kvm), 'a');
      await ledger.claimed(one.claimed(holding), true, 3_000);
      const view = await ledger.feedView(4_000, 2);
      assert.deepEqual([...view.underway], [['git|demo', 3]]);
      assert.deepEqual([...view.offered], [[jobQueue(old), 2]]);
      assert.equal(view.nextAt, null);
      await ledger.finished(one.finished(holding, broken), true, 4_000);
      assert.deepEqual(await seen(8_999), ['c2', 'old', 'other']);
      assert.equal((await ledger.feedView(8_999, 2)).nextAt, 9_000);
      const again = (await ledger.feedView(9_000, 2)).candidates.find(({ job }) => job.id === kvm.id);
      assert.deepEqual([again?.class, again?.avoid, again?.generation], ['default+kvm', ['w1'], 1]);
    },
  },
  {
    title: 'R2: a claim owns the attempt, and the same claim again changes nothing',
    async check({ ledger }) {
      const job = await waiting(ledger);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      assert.deepEqual(await ledger.claimed(one.claimed(holding), true, 3_000), {
        kind: 'applied',
        isNews: true,
        stops: [],
      });
      assert.deepEqual(await ledger.claimed(one.claimed(holding, true), true, 3_500), {
        kind: 'applied',
        isNews: false,
        stops: [],
      });
      assert.deepEqual(await ledger.offered(), []);
      assert.deepEqual(await ledger.liveAttempts(), [
        { jobId: job.id, generation: 1, n: 1, nonce: holding.nonce, worker: 'w1', isOwner: true },
      ]);
    },
  },
  {
    title: 'R2: of two claims the one applied later owns, and the earlier is stopped at its next beat',
    async check({ ledger }) {
      const order = await offer(ledger, await waiting(ledger));
      const [early, late] = [FakeWorker.holding(order, 'a'), FakeWorker.holding(order, 'b')];
      await ledger.claimed(one.claimed(early), true, 3_000);
      assert.deepEqual((await ledger.claimed(two.claimed(late, true), true, 4_000)).stops, []);
      assert.equal(await owners(ledger), 'a- b+');
      const holders = await ledger.holders({ jobId: order.job.id, generation: 1, n: 1 });
      assert.deepEqual(
        holders.map(({ nonce, isLive }) => [nonce.charAt(0), isLive]).sort(),
        [
          ['a', false],
          ['b', true],
        ],
        'who was taken over is granted nothing more',
      );
      assert.deepEqual((await ledger.beat(two.beat(late), true, 5_000)).stops, []);
      for (const now of [5_000, 6_000]) {
        const { stops } = await ledger.beat(one.beat(early), true, now);
        assert.deepEqual(
          stops.map(({ worker, nonce, reason }) => [worker, nonce, reason]),
          [['w1', early.nonce, 'withdrawn']],
        );
      }
      await ledger.finished(one.finished(early, broken), true, 7_000);
      assert.equal(await owners(ledger), 'b+', 'its end is nobody’s');
      assert.deepEqual((await ledger.feedView(1e9, 9)).candidates, []);
    },
  },
  {
    title: 'R2: a beat is as good as the claim that was lost, but takes over from nobody',
    async check({ ledger }) {
      const order = await offer(ledger, await waiting(ledger));
      const [first, second] = [FakeWorker.holding(order, 'a'), FakeWorker.holding(order, 'b')];
      assert.equal((await ledger.beat(one.beat(first), true, 3_000)).isNews, true);
      assert.equal((await ledger.beat(one.beat(first), true, 3_000)).isNews, false, 'a plain sign of life');
      assert.equal((await ledger.beat(two.beat(second), true, 3_000)).stops.length, 1);
      assert.equal(await owners(ledger), 'a+');
    },
  },
  {
    title: 'R6: a first handing-out of a number that somebody owns is one too many, and stopped',
    async check({ ledger }) {
      const order = await offer(ledger, await waiting(ledger));
      const [owner, copy] = [FakeWorker.holding(order, 'a'), FakeWorker.holding(order, 'b')];
      await ledger.claimed(one.claimed(owner), true, 3_000);
      const { stops } = await ledger.claimed(two.claimed(copy, false), true, 4_000);
      assert.deepEqual(
        stops.map(({ worker, nonce }) => [worker, nonce]),
        [['w2', copy.nonce]],
      );
      assert.equal(await owners(ledger), 'a+');
    },
  },
  {
    title: 'R2: a claim or beat of an older number is stopped',
    async check({ ledger }) {
      const job = await waiting(ledger);
      const first = FakeWorker.holding(await offer(ledger, job), 'a');
      await ledger.claimed(one.claimed(first), true, 3_000);
      await ledger.lose(await ledger.liveAttempts(), 70_000);
      assert.equal((await ledger.beat(one.beat(first), true, 71_000)).stops.length, 1, 'while the job waits');
      const second = FakeWorker.holding(await offer(ledger, job), 'b');
      assert.equal((await ledger.claimed(one.claimed(first, true), true, 72_000)).stops.length, 1);
      await ledger.claimed(two.claimed(second), true, 73_000);
      assert.equal((await ledger.beat(one.beat(first), true, 74_000)).stops.length, 1);
      assert.equal(await owners(ledger), 'b+');
    },
  },
  {
    title: 'R3: what a worker’s hello does not list is lost at once, what it lists lives',
    async check({ ledger }) {
      const [kept, dropped] = [
        await waiting(ledger, { context: 'kept' }),
        await waiting(ledger, { context: 'dropped' }),
      ];
      const [a, b] = [
        FakeWorker.holding(await offer(ledger, kept), 'a'),
        FakeWorker.holding(await offer(ledger, dropped), 'b'),
      ];
      const elsewhere = FakeWorker.holding(await offer(ledger, await waiting(ledger, { context: 'elsewhere' })), 'c');
      for (const holding of [a, b]) await ledger.claimed(one.claimed(holding), true, 3_000);
      await ledger.claimed(two.claimed(elsewhere), true, 3_000);
      const hello = one.hello([a]);
      const first = await ledger.hello(hello, new Set([a.nonce]), 4_000);
      assert.deepEqual([first.kind, first.isNews], ['applied', true]);
      assert.equal(await owners(ledger), 'a+ c+');
      assert.deepEqual(
        (await ledger.feedView(4_000, 9)).candidates.map(({ job, avoid }) => [job.context, avoid]),
        [['dropped', ['w1']]],
        'and may run elsewhere at once',
      );
      assert.equal((await ledger.hello(one.hello([a]), new Set([a.nonce]), 5_000)).isNews, false);
      const lost = one.hello([]);
      assert.equal((await ledger.hello(lost, new Set(), 6_000)).isNews, true, 'something has to be fed');
      assert.equal(await owners(ledger), 'c+');
    },
  },
  {
    title: 'R3: an old word of a worker that comes after newer ones is stale',
    async check({ ledger }) {
      const holding = FakeWorker.holding(await offer(ledger, await waiting(ledger)), 'a');
      const [empty, parting] = [one.hello([]), one.bye([holding])];
      await ledger.claimed(one.claimed(holding), true, 3_000);
      await ledger.hello(one.hello([holding]), new Set([holding.nonce]), 4_000);
      assert.equal((await ledger.hello(empty, new Set(), 5_000)).kind, 'stale');
      assert.equal((await ledger.bye(parting, 5_000)).kind, 'stale');
      const earlierStart = { ...one.hello([]), session: 0 };
      assert.equal((await ledger.hello(earlierStart, new Set(), 5_000)).kind, 'stale');
      assert.equal(await owners(ledger), 'a+');
      const laterStart = { ...one.hello([]), session: 2, seq: 0 };
      assert.equal((await ledger.hello(laterStart, new Set(), 6_000)).kind, 'applied');
      assert.equal(await owners(ledger), '');
    },
  },
  {
    title: 'R3: a machine that takes over the name of one that is gone is heard, however often either was started',
    async check({ ledger }) {
      const holding = FakeWorker.holding(await offer(ledger, await waiting(ledger)), 'a');
      const from = (installation: string, session: number, seq: number) => {
        const hello = { ...one.hello([]), session, seq };
        return { ...hello, offer: { ...hello.offer, installation } };
      };
      const [first, second] = ['0'.repeat(16), 'f'.repeat(16)];
      await ledger.claimed(one.claimed(holding), true, 3_000);
      const working = { ...from(first, 7, 100), holds: [holding] };
      await ledger.hello(working, new Set([holding.nonce]), 4_000);
      assert.equal((await ledger.hello(from(second, 3, 1), new Set(), 78_999)).kind, 'stale', 'the first may be there');
      assert.equal((await ledger.hello(from(first, 3, 1), new Set(), 79_000)).kind, 'stale', 'an echo of its past');
      assert.equal(await owners(ledger), 'a+');
      assert.equal((await ledger.hello(from(second, 3, 1), new Set(), 79_000)).kind, 'applied');
      assert.equal(await owners(ledger), '');
      assert.equal((await ledger.hello(from(second, 3, 1), new Set(), 80_000)).kind, 'stale');
    },
  },
  {
    title: 'R3: silent attempts are lost and retried at once, ended ones left alone',
    async check({ ledger }) {
      const [job, done] = [await waiting(ledger), await waiting(ledger, { context: 'done' })];
      const [silent, ended] = [
        FakeWorker.holding(await offer(ledger, job), 'a'),
        FakeWorker.holding(await offer(ledger, done), 'b'),
      ];
      for (const holding of [silent, ended]) await ledger.claimed(one.claimed(holding), true, 3_000);
      const live = await ledger.liveAttempts();
      await ledger.finished(one.finished(ended), true, 4_000);
      await ledger.lose(live, 70_000);
      assert.equal(await owners(ledger), '');
      assert.deepEqual(
        (await ledger.feedView(70_000, 9)).candidates.map(({ job: { id } }) => id),
        [job.id],
      );
      const known = await ledger.jobsOfChange(changeKey(done.subject), shaOf('a'));
      assert.deepEqual(known.find(({ id }) => id === done.id)?.outcome, { kind: 'passed' });
    },
  },
  {
    title: 'a worker that leaves hands back what may run elsewhere at once, and it does not count as a try',
    async check({ ledger }) {
      const job = await waiting(ledger);
      for (let time = 0; time < 5; time++) {
        const holding = FakeWorker.holding(await offer(ledger, job), 'a');
        await ledger.claimed(one.claimed(holding), true, 3_000);
        // Nonces are public once a run is over; whoever guesses one may not end another's attempt, nor tell of it.
        const { stops } = await ledger.beat(two.beat(holding), true, 3_500);
        assert.deepEqual(
          stops.map(({ worker }) => worker),
          ['w2'],
        );
        await ledger.bye(two.bye([holding]), 3_600);
        assert.equal(await owners(ledger), 'a+');
        assert.equal((await ledger.bye(one.bye([holding]), 4_000)).isNews, true);
        assert.equal(await owners(ledger), '');
        assert.equal((await ledger.feedView(4_000, 9)).candidates.length, 1);
      }
    },
  },
  {
    title: 'R7: an order that expired unclaimed waits again under the same number',
    async check({ ledger }) {
      const job = await waiting(ledger);
      const order = await offer(ledger, job);
      await ledger.deadLetter(order, 'expired', 5_000);
      assert.deepEqual(await ledger.offered(), []);
      assert.equal((await offer(ledger, job)).n, 1);
      const holding = FakeWorker.holding(order, 'a');
      await ledger.claimed(one.claimed(holding), true, 6_000);
      await ledger.deadLetter(order, 'expired', 7_000);
      assert.equal(await owners(ledger), 'a+', 'a copy of what is claimed says nothing');
    },
  },
  {
    title: 'R7: what no worker could read is tried again by plan, what killed twenty is poison',
    async check({ ledger }) {
      const [unread, poison] = [
        await waiting(ledger, { context: 'unread' }),
        await waiting(ledger, { context: 'poison' }),
      ];
      for (const pause of [5_000, 60_000]) {
        await ledger.deadLetter(await offer(ledger, unread), 'rejected', 10_000);
        const view = await ledger.feedView(10_000, 9);
        assert.equal(view.nextAt, 10_000 + pause);
      }
      await ledger.deadLetter(await offer(ledger, unread), 'rejected', 20_000);
      await ledger.deadLetter(await offer(ledger, poison), 'delivery-limit', 20_000);
      const known = await ledger.jobsOfChange(changeKey(poison.subject), shaOf('a'));
      assert.deepEqual(
        known.map(({ outcome }) => outcome?.kind === 'broken' && outcome.cause),
        ['refused', 'poison'],
      );
      await decide(ledger, poison, []);
      assert.deepEqual(await ledger.offered(), []);
    },
  },
  {
    title: 'of what a worker says again and again and nobody can read, the last is kept, and all else beside it',
    async check({ ledger, reopen }) {
      const park = async (worker: string, kind: unknown, mark: number): Promise<void> => {
        const body = JSON.stringify({ v: 2, worker, kind, mark });
        assert.equal(await ledger.park({ at: mark, worker, why: 'rejected', body }), 0);
      };
      const kept = async (from: Ledger): Promise<readonly string[]> =>
        (await from.parked(0, 99)).map(({ at, worker }) => `${worker ?? ''} ${String(at)}`);
      await park('w1', 'hello', 1);
      await park('w1', 'beat', 2);
      await park('w2', 'hello', 3);
      for (const mark of [4, 5]) await park('w1', 'finished', mark);
      for (const mark of [6, 7]) await park('w1', { hello: 1 }, mark);
      const others = ['w1 2', 'w2 3', 'w1 4', 'w1 5', 'w1 6', 'w1 7'];
      assert.deepEqual(await kept(ledger), ['w1 1', ...others]);
      await park('w1', 'hello', 8);
      await park('w1', 'hello', 9);
      assert.deepEqual(await kept(ledger), [...others, 'w1 9']);
      await park('w1', 'beat', 10);
      assert.deepEqual(await kept(await reopen()), [...others.slice(1), 'w1 9', 'w1 10']);
    },
  },
];
