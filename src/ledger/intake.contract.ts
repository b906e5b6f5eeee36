import assert from 'node:assert/strict';
import { aChange, anOrder, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { ForgeEvent } from '../core/forge-event.ts';
import { changeKey } from '../core/subject.ts';
import type { LedgerClause } from './harness.contract.ts';

const event: ForgeEvent = { kind: 'change', forge: 'git', repo: 'demo', changeKey: 'git|demo|branch/main', sha: null };
const delivery = (id: string) => ({ id, event, receivedAt: 1, traceId: `trace ${id}` });
const worker = new FakeWorker('w1');

/** From an event to its jobs. */
export const intakeClauses: readonly LedgerClause[] = [
  {
    title: 'a ledger is fresh until it has begun, and begins once',
    async check({ ledger, reopen }) {
      assert.equal(await ledger.isFresh(), true);
      await ledger.recordDelivery(delivery('1'));
      assert.equal(await ledger.isFresh(), true);
      await ledger.begin(1);
      await ledger.begin(2);
      assert.equal(await ledger.isFresh(), false);
      assert.equal(await (await reopen()).isFresh(), false);
    },
  },
  {
    title: 'a delivery is recorded once under its id, as it was told first',
    async check({ ledger }) {
      assert.equal(await ledger.recordDelivery(delivery('1')), true);
      assert.equal(await ledger.recordDelivery({ ...delivery('1'), receivedAt: 2, traceId: 'other' }), false);
      assert.deepEqual(await ledger.pendingDeliveries(9), [{ ...delivery('1'), tries: 0 }]);
      await ledger.endDelivery('1', { kind: 'handled' }, 3);
      assert.equal(await ledger.recordDelivery(delivery('1')), false, 'also after it was handled');
      assert.deepEqual(await ledger.pendingDeliveries(9), []);
    },
  },
  {
    title: 'calls that overlap are applied in call order',
    async check({ ledger }) {
      const recorded = Promise.all(['1', '1', '2', '1'].map((id) => ledger.recordDelivery(delivery(id))));
      assert.deepEqual(await recorded, [true, false, true, false]);
      const job = anOrder();
      const asked = enqueue(ledger, job);
      const numbered = offer(ledger, job);
      await asked;
      assert.equal((await numbered).n, 1);
    },
  },
  {
    title: 'what was promised is there when the ledger is opened again',
    async check({ ledger, reopen }) {
      const job = anOrder();
      await ledger.recordDelivery(delivery('1'));
      await enqueue(ledger, job);
      const holding = FakeWorker.holding(await offer(ledger, job), 'a');
      await ledger.claimed(worker.claimed(holding), true, 3_000);
      const again = await reopen();
      assert.deepEqual(await again.pendingDeliveries(9), [{ ...delivery('1'), tries: 0 }]);
      assert.deepEqual(await again.liveAttempts(), await ledger.liveAttempts());
      assert.equal((await again.liveAttempts()).length, 1);
    },
  },
  {
    title: 'unhandled deliveries come oldest first, at most so many',
    async check({ ledger }) {
      for (const id of ['c', 'a', 'b', 'd']) await ledger.recordDelivery(delivery(id));
      await ledger.endDelivery('a', { kind: 'handled' }, 2);
      await ledger.endDelivery('d', { kind: 'parked', why: 'broken' }, 2);
      assert.deepEqual(
        (await ledger.pendingDeliveries(9)).map(({ id }) => id),
        ['c', 'b'],
      );
      assert.equal((await ledger.pendingDeliveries(1)).length, 1);
    },
  },
  {
    title: 'a try is counted before it is made, and can be taken back',
    async check({ ledger, reopen }) {
      await ledger.recordDelivery(delivery('1'));
      assert.equal(await ledger.beginDelivery('1'), 1);
      assert.equal(await ledger.beginDelivery('1'), 2);
      assert.equal((await (await reopen()).pendingDeliveries(1))[0]?.tries, 2);
      await ledger.forgiveDelivery('1');
      await ledger.forgiveDelivery('1');
      await ledger.forgiveDelivery('1');
      assert.equal(await ledger.beginDelivery('1'), 1);
    },
  },
  {
    title: 'a decision handles its deliveries, and only when it is applied',
    async check({ ledger }) {
      const job = anOrder();
      await ledger.recordDelivery(delivery('1'));
      await ledger.recordDelivery(delivery('2'));
      const apply = (version: number, deliveryIds: string[]) =>
        ledger.applyDecision({ change: aChange(job, { version }), actions: [], deliveryIds, now: 1, traceId: 't' });
      assert.equal((await apply(5, ['1'])).kind, 'applied');
      assert.equal((await apply(4, ['2'])).kind, 'stale');
      assert.deepEqual(
        (await ledger.pendingDeliveries(9)).map(({ id }) => id),
        ['2'],
      );
    },
  },
  {
    title: 'a view older than the last applied one changes nothing',
    async check({ ledger }) {
      const [job, late] = [anOrder(), anOrder({ context: 'late' })];
      await decide(ledger, job, [{ kind: 'enqueue', job, generation: 1 }], { change: { version: 7 } });
      const actions = [
        { kind: 'enqueue', job: late, generation: 1 },
        { kind: 'cancel', jobId: job.id, reason: 'superseded', by: 'x' },
        { kind: 'approve', sha: shaOf('a'), by: 'ada' },
      ] as const;
      const old = { version: 6, title: 'old', isOpen: false };
      assert.deepEqual(await decide(ledger, job, actions, { change: old }), { kind: 'stale', stops: [] });
      const key = changeKey(job.subject);
      assert.deepEqual(await ledger.lastChange(key), aChange(job, { version: 7 }));
      assert.deepEqual(
        (await ledger.jobsOfChange(key, shaOf('a'))).map(({ id, isEnded }) => [id, isEnded]),
        [[job.id, false]],
      );
      assert.deepEqual(await ledger.approvedShas(key), []);
      assert.equal((await decide(ledger, job, [], { change: { version: 7 } })).kind, 'applied', 'the same again');
    },
  },
  {
    title: 'places are known as last applied, and listed while they are open',
    async check({ ledger }) {
      const [main, pull] = [anOrder(), anOrder({ pull: 3, sha: shaOf('b') })];
      assert.equal(await ledger.lastChange(changeKey(main.subject)), null);
      await decide(ledger, main, []);
      await decide(ledger, pull, []);
      await decide(ledger, anOrder({ repo: 'other' }), []);
      const places = async () =>
        [...(await ledger.openPlaces('git', 'demo'))].sort((a, b) => (a.changeKey < b.changeKey ? -1 : 1));
      assert.deepEqual(await places(), [
        { changeKey: changeKey(main.subject), headSha: shaOf('a'), version: 1, seenAt: 1_000 },
        { changeKey: changeKey(pull.subject), headSha: shaOf('b'), version: 1, seenAt: 1_000 },
      ]);
      await decide(ledger, pull, [], { change: { isOpen: false, version: 2 } });
      assert.equal((await places()).length, 1);
      assert.deepEqual(await ledger.lastChange(changeKey(pull.subject)), aChange(pull, { isOpen: false, version: 2 }));
    },
  },
  {
    title: 'the jobs of a change are those at its head, and its unended ones elsewhere',
    async check({ ledger }) {
      const [old, done, head] = ['1', '2', '3'].map((digit) => anOrder({ sha: shaOf(digit) }));
      const twin = anOrder({ sha: shaOf('3'), branch: 'twin', context: 'twin' });
      assert.ok(old && done && head);
      for (const job of [old, done, head, twin]) await enqueue(ledger, job);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, done), 'a')), true, 3);
      const known = await ledger.jobsOfChange(changeKey(head.subject), shaOf('3'));
      assert.deepEqual(
        known.map(({ id, isEnded, changeKey: key }) => ({ id, isEnded, key })),
        [head, twin, old].map(({ id, subject }) => ({ id, isEnded: false, key: changeKey(subject) })),
      );
      const [first] = await ledger.jobsOfChange(changeKey(done.subject), shaOf('2'));
      assert.deepEqual(first, {
        id: done.id,
        generation: 1,
        changeKey: changeKey(done.subject),
        sha: shaOf('2'),
        baseRef: 'main',
        isTrusted: true,
        context: 'test',
        occasion: 'change',
        isEnded: true,
        outcome: { kind: 'passed' },
        hasWord: true,
      });
    },
  },
  {
    title: 'approvals are remembered here, and are the forge’s to remember until it does',
    async check({ ledger, reader }) {
      const job = anOrder({ pull: 3 });
      const approve = { kind: 'approve', sha: shaOf('a'), by: 'ada' } as const;
      await decide(ledger, job, [approve, { kind: 'request-done', requestId: 'r1' }]);
      await decide(ledger, job, [approve, { kind: 'request-done', requestId: 'r1' }]);
      assert.deepEqual(await ledger.approvedShas(changeKey(job.subject)), [shaOf('a')]);
      assert.deepEqual(await ledger.approvedShas(changeKey(anOrder().subject)), []);
      assert.deepEqual([...(await ledger.doneRequests(['r0', 'r1', 'r2']))], ['r1']);
      const [approval, ...early] = await ledger.dueChores(5_000, 9);
      assert.ok(approval?.kind === 'approve' && early.length === 0, 'the mark of a request stands after its effect');
      assert.deepEqual([approval.sha, approval.by, approval.repo], [shaOf('a'), 'ada', 'demo']);
      await ledger.choreDone(approval);
      const [request, ...rest] = await ledger.dueChores(5_000, 9);
      assert.ok(request?.kind === 'request-done' && request.requestId === 'r1' && rest.length === 0);
      await ledger.choreFailed(request, 8_000);
      assert.deepEqual(await ledger.dueChores(7_999, 9), []);
      assert.deepEqual(await ledger.dueChores(8_000, 9), [{ ...request, tries: 1 }]);
      const [listed, ...others] = await reader.approvals('demo', 9);
      assert.deepEqual([listed?.sha, listed?.by, listed?.standing, others], [shaOf('a'), 'ada', 'holds', []]);
      assert.deepEqual(await reader.approvals('other', 9), []);
      assert.equal((await reader.approvals(null, 9)).length, 1);
      await ledger.choreDone(request);
      await decide(ledger, job, [approve]);
      assert.deepEqual(await ledger.dueChores(9_000, 9), [], 'what was done is not done again');
    },
  },
];
