import assert from 'node:assert/strict';
import { anOrder, decide, enqueue, envelopeFor, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { CancelReason, Outcome } from '../core/outcome.ts';
import { changeKey } from '../core/subject.ts';
import type { LedgerClause } from './harness.contract.ts';

const worker = new FakeWorker('w1');
const canceled = (reason: CancelReason): Outcome => ({ kind: 'canceled', reason, by: 'x' });

/** Which job is which: asked for twice, asked for again, canceled, forgotten. */
export const againClauses: readonly LedgerClause[] = [
  {
    title: 'R11, R12: the same question is one job, at least at the generation that is asked for',
    async check({ ledger }) {
      const [job, remembered] = [anOrder(), anOrder({ context: 'remembered' })];
      await enqueue(ledger, job);
      await enqueue(ledger, job);
      await decide(ledger, remembered, [{ kind: 'enqueue', job: remembered, generation: 4 }]);
      const known = await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'));
      assert.deepEqual(
        known.map(({ id, generation }) => [id, generation]),
        [
          [job.id, 1],
          [remembered.id, 4],
        ],
      );
      assert.equal((await ledger.feedView(5_000, 9)).candidates.length, 2);
    },
  },
  {
    title: 'R13: only what ended without a verdict opens again, as the next generation',
    async check({ ledger }) {
      const ends: readonly { readonly end: Outcome; readonly opens: boolean }[] = [
        { end: canceled('superseded'), opens: true },
        { end: canceled('closed'), opens: true },
        { end: canceled('untrusted'), opens: true },
        { end: canceled('policy'), opens: true },
        { end: canceled('person'), opens: false },
        { end: { kind: 'passed' }, opens: false },
        { end: { kind: 'failed', exitCode: 1, reason: 'exit' }, opens: false },
        { end: { kind: 'timed-out', afterMs: 1 }, opens: false },
        { end: { kind: 'broken', cause: 'poison', phase: 'claimed' }, opens: false },
      ];
      for (const [at, { end, opens }] of ends.entries()) {
        const job = anOrder({ context: `c${at}` });
        await enqueue(ledger, job);
        const order = await offer(ledger, job);
        if (end.kind === 'canceled') {
          await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: end.reason, by: end.by }]);
        } else await ledger.finished(worker.finished(FakeWorker.holding(order, 'a'), end), true, 3_000);
        await enqueue(ledger, job, { now: 4_000 });
        const known = (await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'))).find(({ id }) => id === job.id);
        assert.deepEqual([known?.generation, known?.isEnded], opens ? [2, false] : [1, true], JSON.stringify(end));
        if (opens) assert.deepEqual((await offer(ledger, job, 2)).n, 1, 'numbers begin again');
        else assert.deepEqual(known?.outcome?.kind, end.kind);
      }
    },
  },
  {
    title: 'R13: what opens again is the order as it is asked for now',
    async check({ ledger }) {
      const first = anOrder({ pull: 7, secrets: ['token'], needs: ['kvm'] });
      await enqueue(ledger, first);
      await decide(ledger, first, [{ kind: 'cancel', jobId: first.id, reason: 'closed', by: 'x' }]);
      const now = anOrder({ pull: 8, secrets: [], pool: 'others', priority: 3 });
      assert.equal(now.id, first.id);
      await enqueue(ledger, now, { now: 4_000 });
      const [candidate] = (await ledger.feedView(5_000, 9)).candidates;
      assert.deepEqual(candidate?.job, now);
      assert.deepEqual([candidate?.class, candidate?.priority], ['others', 3]);
    },
  },
  {
    title: 'R13: what ran under an earlier generation is stopped and its verdict does not count',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      await ledger.claimed(worker.claimed(holding), true, 3_000);
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'superseded', by: 'x' }]);
      await enqueue(ledger, job, { now: 4_000 });
      const beaten = await ledger.beat(worker.beat(holding), true, 5_000);
      assert.equal(beaten.stops.length, 1);
      await ledger.finished(worker.finished(holding), true, 6_000);
      const [known] = await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'));
      assert.deepEqual([known?.generation, known?.isEnded], [2, false]);
      const fresh = FakeWorker.holding(await offer(ledger, job, 2), 'b');
      assert.deepEqual((await ledger.finished(worker.finished(fresh), true, 7_000)).kind, 'applied');
      assert.equal((await ledger.jobsOfChange(changeKey(job.subject), shaOf('a')))[0]?.outcome?.kind, 'passed');
    },
  },
  {
    title: 'R14: whoever is applied first, cancel or finish, has it',
    async check({ ledger }) {
      const [job, other] = [anOrder(), anOrder({ context: 'other' })];
      for (const each of [job, other]) await enqueue(ledger, each);
      const [one, two] = [
        FakeWorker.holding(await offer(ledger, job), 'a'),
        FakeWorker.holding(await offer(ledger, other), 'b'),
      ];
      for (const holding of [one, two]) await ledger.claimed(worker.claimed(holding), true, 3_000);
      const cancel = (id: typeof job.id) =>
        decide(ledger, job, [{ kind: 'cancel', jobId: id, reason: 'person', by: 'ada' }]);
      const { stops } = await cancel(job.id);
      const key = { jobId: job.id, generation: 1, n: 1, nonce: one.nonce };
      assert.deepEqual(stops, [{ ...key, worker: 'w1', reason: 'person', by: 'ada' }]);
      await ledger.finished(worker.finished(one), true, 4_000);
      await ledger.finished(worker.finished(two), true, 4_000);
      assert.deepEqual((await cancel(other.id)).stops, []);
      const outcomes = (await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'))).map(({ outcome }) => outcome);
      assert.deepEqual(outcomes, [{ kind: 'canceled', reason: 'person', by: 'ada' }, { kind: 'passed' }]);
    },
  },
  {
    title: 'R14: every claim or beat of a job that should not run is answered with a stop',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'closed', by: 'k' }]);
      const stop = {
        jobId: job.id,
        generation: 1,
        n: 1,
        worker: 'w1',
        nonce: holding.nonce,
        reason: 'closed',
        by: 'k',
      };
      for (const now of [3_000, 4_000]) {
        assert.deepEqual((await ledger.claimed(worker.claimed(holding), true, now)).stops, [stop]);
        assert.deepEqual((await ledger.beat(worker.beat(holding), true, now)).stops, [stop]);
      }
      const listed = await ledger.hello(worker.hello([holding]), new Set([holding.nonce]), 5_000);
      assert.deepEqual(listed.stops, [stop]);
      assert.deepEqual(await ledger.offered(), []);
    },
  },
  {
    title: 'R14: who holds what was called off is remembered, owns nothing, and may still tell how it ended',
    async check({ ledger }) {
      const [early, late, reader] = ['w1', 'w2', 'w3'].map((name) => new FakeWorker(name));
      assert.ok(early !== undefined && late !== undefined && reader !== undefined);
      for (const isOpenedAgain of [false, true]) {
        const job = anOrder({ context: `again ${String(isOpenedAgain)}` });
        await enqueue(ledger, job);
        const order = await offer(ledger, job);
        await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'closed', by: 'k' }]);
        if (isOpenedAgain) await enqueue(ledger, job, { now: 2_500 });
        const [one, two, three] = [
          FakeWorker.holding(order, 'a'),
          FakeWorker.holding(order, 'b'),
          FakeWorker.holding(order, 'c'),
        ];
        // Of a claim that was lost on the way a beat tells as well.
        assert.equal((await ledger.claimed(early.claimed(one), true, 3_000)).stops.length, 1);
        assert.equal((await ledger.beat(late.beat(two), true, 3_000)).stops.length, 1);
        const live = (await ledger.liveAttempts()).map(({ nonce, worker: who, isOwner }) => [nonce, who, isOwner]);
        assert.deepEqual(live.toSorted(), [
          [one.nonce, 'w1', false],
          [two.nonce, 'w2', false],
        ]);
        await ledger.finished(early.finished(one), true, 4_000);
        // From now on the order may be read in the store.
        assert.equal((await ledger.claimed(reader.claimed(three), true, 5_000)).stops.length, 1);
        const key = { jobId: job.id, generation: 1, n: 1 };
        const holders = (await ledger.holders(key)).map(({ nonce, worker: who, isLive }) => [nonce, who, isLive]);
        assert.deepEqual(holders.toSorted(), [
          [one.nonce, 'w1', false],
          [two.nonce, 'w2', false],
        ]);
        await ledger.finished(late.finished(two), true, 6_000);
        assert.deepEqual(await ledger.liveAttempts(), []);
        const [known] = (await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'))).filter(
          ({ id }) => id === job.id,
        );
        assert.deepEqual(
          [known?.generation, known?.isEnded, known?.outcome?.kind ?? null],
          isOpenedAgain ? [2, false, null] : [1, true, 'canceled'],
          'what they tell judges nothing',
        );
      }
    },
  },
  {
    title: 'R3, R14: who holds what was called off and falls silent is given up, and nothing is tried again',
    async check({ ledger }) {
      const job = anOrder();
      await enqueue(ledger, job);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'closed', by: 'k' }]);
      await ledger.claimed(worker.claimed(holding), true, 3_000);
      await ledger.lose(await ledger.liveAttempts(), 70_000);
      assert.deepEqual(await ledger.liveAttempts(), []);
      assert.deepEqual((await ledger.feedView(1e9, 9)).candidates, []);
      await ledger.claimed(worker.claimed(holding), true, 80_000);
      assert.deepEqual(await ledger.liveAttempts(), []);
    },
  },
  {
    title: 'R10: a message that nobody vouches for changes nothing',
    async check({ ledger }) {
      const [job, unknown] = [anOrder(), anOrder({ context: 'never asked for' })];
      await enqueue(ledger, job);
      const holdings = [
        await offer(ledger, job),
        envelopeFor(unknown, 1, 1),
        envelopeFor(job, 1, 2),
        envelopeFor(job, 2, 1),
      ].map((envelope, at) => FakeWorker.holding(envelope, String(at)));
      for (const holding of holdings) {
        const answers = [
          await ledger.claimed(worker.claimed(holding), false, 3_000),
          await ledger.beat(worker.beat(holding), false, 3_000),
          await ledger.finished(worker.finished(holding), false, 3_000),
        ];
        for (const answer of answers) assert.deepEqual(answer, { kind: 'unknown', isNews: false, stops: [] });
      }
      await ledger.hello(worker.hello(holdings), new Set(), 4_000);
      assert.deepEqual(await ledger.liveAttempts(), []);
      assert.equal((await ledger.offered()).length, 1);
      const known = await ledger.jobsOfChange(changeKey(job.subject), shaOf('a'));
      assert.deepEqual(
        known.map(({ id, generation, isEnded }) => [id, generation, isEnded]),
        [[job.id, 1, false]],
      );
    },
  },
  {
    title: 'R10: work of a ledger that was lost is taken in when it is vouched for',
    async check({ ledger }) {
      const [claimed, beaten, listed, finished] = (
        [
          ['claimed', 'c'],
          ['beaten', 'b'],
          ['listed', '1'],
          ['finished', 'f'],
        ] as const
      ).map(([context, digit]) => FakeWorker.holding(envelopeFor(anOrder({ context }), 3, 2), digit));
      assert.ok(claimed && beaten && listed && finished);
      await ledger.hello(worker.hello([listed]), new Set([listed.nonce]), 1_000);
      await ledger.claimed(worker.claimed(claimed), true, 1_000);
      await ledger.beat(worker.beat(beaten, 'checkout'), true, 1_000);
      await ledger.finished(worker.finished(finished), true, 1_000);
      const live = (await ledger.liveAttempts()).map(({ generation, n, nonce, isOwner }) => ({
        generation,
        n,
        nonce,
        isOwner,
      }));
      assert.deepEqual(
        live.sort((a, b) => (a.nonce < b.nonce ? -1 : 1)),
        [listed, beaten, claimed].map(({ nonce }) => ({ generation: 3, n: 2, nonce, isOwner: true })),
      );
      const known = await ledger.jobsOfChange('git|demo|branch/main', shaOf('a'));
      assert.deepEqual(known.map(({ context, generation, outcome }) => [context, generation, outcome]).sort(), [
        ['beaten', 3, null],
        ['claimed', 3, null],
        ['finished', 3, { kind: 'passed' }],
        ['listed', 3, null],
      ]);
      assert.equal((await ledger.dueReports(2_000, 9)).length, 4, 'and shown');
    },
  },
  {
    title: 'what came to nothing in the life of a ledger that was lost starts nothing by itself',
    async check({ ledger }) {
      const stray = FakeWorker.holding(envelopeFor(anOrder(), 1, 1), 'a');
      const stopped = { kind: 'canceled', reason: 'withdrawn', by: 'another attempt was first' } as const;
      await ledger.finished({ ...worker.finished(stray), outcome: stopped }, true, 1_000);
      assert.deepEqual(await ledger.jobsOfChange('git|demo|branch/main', shaOf('a')), []);
      assert.deepEqual((await ledger.feedView(2_000, 9)).candidates, []);
    },
  },
];
