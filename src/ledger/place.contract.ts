import assert from 'node:assert/strict';
import { aChange, anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { ForgeEvent } from '../core/forge-event.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { NewDelivery, ScheduleSeen } from './ledger.ts';

const [main, pull] = [aChange(), aChange(anOrder({ pull: 3, sha: shaOf('a') }))];
const delivery = (id: string, changeKey: string): NewDelivery => ({
  id,
  event: { kind: 'change', forge: 'git', repo: 'demo', changeKey, sha: null },
  receivedAt: 1,
  traceId: 't',
});
const seen: ScheduleSeen = { key: 'git|demo|nightly', definition: '0 2 * * *', settledAt: 100 };
const slot: NewDelivery = {
  id: 'slot',
  source: 'schedule',
  event: {
    kind: 'schedule',
    forge: 'git',
    repo: 'demo',
    changeKey: main.key,
    slot: { name: 'nightly', at: 100, contexts: ['**'] },
  } satisfies ForgeEvent,
  receivedAt: 1,
  traceId: 't',
};

/** What a scan, the rolling pass, and the schedules ask. */
export const placeClauses: readonly LedgerClause[] = [
  {
    title: 'places with unhandled deliveries come in their order, a page at a time',
    async check({ ledger }) {
      for (const [id, key] of [
        ['1', main.key],
        ['2', pull.key],
        ['3', main.key],
        ['4', pull.key],
      ] as const)
        await ledger.recordDelivery(delivery(id, key));
      await ledger.endDelivery('2', { kind: 'handled' }, 2);
      const first = await ledger.pendingPlaces(0, 2);
      assert.deepEqual(
        first.map(({ changeKey }) => changeKey),
        [main.key, main.key],
      );
      const rest = await ledger.pendingPlaces(first.at(-1)?.seq ?? 0, 9);
      assert.deepEqual(
        rest.map(({ changeKey }) => changeKey),
        [pull.key],
      );
      const last = rest.at(-1)?.seq ?? 0;
      assert.deepEqual(await ledger.pendingPlaces(last, 9), []);
      await ledger.recordDelivery(delivery('5', main.key));
      assert.equal((await ledger.pendingPlaces(last, 9)).length, 1, 'what is new comes after what was seen');
    },
  },
  {
    title: 'the deliveries of one place are given alone',
    async check({ ledger }) {
      await ledger.recordDelivery(delivery('1', main.key));
      await ledger.recordDelivery(delivery('2', pull.key));
      await ledger.recordDelivery(delivery('3', main.key));
      assert.deepEqual(
        (await ledger.pendingDeliveries(9, main.key)).map(({ id }) => id),
        ['1', '3'],
      );
      assert.equal((await ledger.pendingDeliveries(1, main.key)).length, 1);
    },
  },
  {
    title: 'the last look tells the change, when it was, and since when it has its head',
    async check({ ledger }) {
      assert.equal(await ledger.lastLook(main.key), null);
      const look = async (now: number, given: Partial<typeof main>) => {
        await decide(ledger, anOrder(), [], { now, change: given });
        const last = await ledger.lastLook(main.key);
        return [last?.headSince, last?.seenAt, last?.change.version];
      };
      assert.deepEqual(await look(10, { version: 5 }), [5, 10, 5]);
      assert.deepEqual(await look(20, { version: 7 }), [5, 20, 7], 'the head stays, and so does its time');
      assert.deepEqual(await look(30, { version: 8, headSha: shaOf('b') }), [8, 30, 8]);
      assert.deepEqual(await look(40, { version: 9, headSha: shaOf('a') }), [9, 40, 9], 'back again, it is new again');
      assert.deepEqual(await look(50, { version: 6 }), [9, 40, 9], 'a stale view is no look');
    },
  },
  {
    title: 'a commit leads to the open places that have it as their head',
    async check({ ledger }) {
      await decide(ledger, anOrder(), []);
      await decide(ledger, anOrder({ pull: 3 }), []);
      await decide(ledger, anOrder({ pull: 4, sha: shaOf('b') }), []);
      await decide(ledger, anOrder({ repo: 'other' }), []);
      const at = async (sha: string) => [...(await ledger.placesAtHead('git', 'demo', sha))].sort();
      assert.deepEqual(await at(shaOf('a')), [main.key, pull.key]);
      await decide(ledger, anOrder({ pull: 3 }), [], { change: { isOpen: false, version: 2 } });
      await decide(ledger, anOrder(), [], { change: { headSha: shaOf('b'), version: 2 } });
      assert.deepEqual(await at(shaOf('a')), []);
      assert.equal((await at(shaOf('b'))).length, 2);
    },
  },
  {
    title: 'a repository that nobody is to test any more ends: its jobs are canceled by policy, its places closed',
    async check({ ledger, reader }) {
      const [waits, runs, passed] = ['waits', 'runs', 'passed'].map((context) => anOrder({ pull: 3, context }));
      assert.ok(waits && runs && passed);
      for (const job of [waits, runs, passed]) await enqueue(ledger, job);
      const worker = new FakeWorker('w1');
      const holding = FakeWorker.holding(await offer(ledger, runs), 'a');
      await ledger.claimed(worker.claimed(holding), true, 3_000);
      const ended = FakeWorker.holding(await offer(ledger, passed), 'b');
      await ledger.claimed(worker.claimed(ended), true, 3_000);
      await ledger.finished(worker.finished(ended), true, 3_000);
      await decide(ledger, anOrder({ pull: 4, sha: shaOf('b') }), [
        { kind: 'notice', sha: shaOf('b'), context: 'groundcrew', notice: { kind: 'needs-approval', sentence: 'x' } },
      ]);
      const other = anOrder({ repo: 'other' });
      await enqueue(ledger, other);
      const live = async () => (await ledger.liveRepos()).map(({ forge, repo }) => `${forge} ${repo}`).sort();
      assert.deepEqual(await live(), ['git demo', 'git other']);
      assert.equal((await reader.held()).length, 1);

      const stops = await ledger.endRepo({ forge: 'git', repo: 'demo' }, 5_000);
      assert.deepEqual(
        stops.map(({ jobId, worker: at, reason }) => [jobId, at, reason]),
        [[runs.id, 'w1', 'policy']],
      );
      const outcomes = new Map(
        (await ledger.jobsOfChange(pull.key, shaOf('a'))).map(({ id, outcome }) => [id, outcome]),
      );
      const gone = { kind: 'canceled', reason: 'policy', by: 'project' };
      assert.deepEqual(
        [waits, runs, passed].map(({ id }) => outcomes.get(id)),
        [gone, gone, { kind: 'passed' }],
      );
      assert.deepEqual(await live(), ['git other']);
      assert.deepEqual(await ledger.openPlaces('git', 'demo'), []);
      assert.equal((await ledger.lastChange(pull.key))?.isOpen, false);
      assert.equal((await reader.held()).length, 0, 'nobody has to approve anything there');
      assert.deepEqual(await ledger.endRepo({ forge: 'git', repo: 'demo' }, 6_000), [], 'twice is once');

      await enqueue(ledger, waits);
      const [again] = (await ledger.jobsOfChange(pull.key, shaOf('a'))).filter(({ id }) => id === waits.id);
      assert.deepEqual([again?.generation, again?.isEnded], [2, false], 'when it is tested again, so is this');
      assert.deepEqual(await live(), ['git demo', 'git other']);
    },
  },
  {
    title: 'a job keeps the version of the policy by which it was asked for last',
    async check({ ledger, reader }) {
      const job = anOrder();
      const ask = (policyVersion: string | null) =>
        ledger.applyDecision({
          change: aChange(job),
          actions: [{ kind: 'enqueue', job, generation: 1 }],
          deliveryIds: [],
          now: 1,
          traceId: 't',
          ...(policyVersion === null ? {} : { policyVersion }),
        });
      const version = async () => (await reader.run(job.id))?.summary.policyVersion;
      await ask('one');
      assert.equal(await version(), 'one');
      await ask('two');
      assert.equal(await version(), 'one', 'it was made by the first');
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'policy', by: 'check' }]);
      await ask('three');
      assert.equal(await version(), 'three', 'opened again by another');
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'policy', by: 'check' }]);
      await ask(null);
      assert.equal(await version(), null);
    },
  },
  {
    title: 'the open places of a repository that were seen longest ago come first',
    async check({ ledger }) {
      for (const [number, now] of [
        [1, 300],
        [2, 100],
        [3, 200],
        [4, 50],
      ] as const)
        await decide(ledger, anOrder({ pull: number, sha: shaOf(String(number)) }), [], { now });
      await decide(ledger, anOrder({ repo: 'other' }), [], { now: 1 });
      await decide(ledger, anOrder({ pull: 4, sha: shaOf('4') }), [], {
        change: { isOpen: false, version: 2 },
        now: 60,
      });
      const longest = async (before: number, limit: number) =>
        (await ledger.longestUnseen('git', 'demo', before, limit)).map(({ changeKey }) => changeKey.split('/')[1]);
      assert.deepEqual(await longest(1_000, 9), ['2', '3', '1']);
      assert.deepEqual(await longest(1_000, 1), ['2']);
      assert.deepEqual(await longest(300, 9), ['2', '3']);
    },
  },
  {
    title: 'a slot is recorded with what is settled, both or neither, and once',
    async check({ ledger, reopen }) {
      assert.deepEqual(await ledger.schedulesSeen(), []);
      assert.equal(await ledger.settleSchedule(seen, null), false);
      assert.deepEqual(await ledger.pendingDeliveries(9), []);
      assert.equal(await ledger.settleSchedule({ ...seen, settledAt: 200 }, slot), true);
      assert.equal(await ledger.settleSchedule({ ...seen, settledAt: 300 }, slot), false);
      const again = await reopen();
      assert.deepEqual(await again.schedulesSeen(), [{ ...seen, settledAt: 300 }]);
      assert.deepEqual(
        (await again.pendingDeliveries(9)).map(({ id }) => id),
        ['slot'],
      );
      await ledger.forgetSchedule(seen.key);
      assert.deepEqual(await ledger.schedulesSeen(), []);
      assert.equal(await ledger.settleSchedule(seen, slot), false, 'its slot stays known');
    },
  },
];
