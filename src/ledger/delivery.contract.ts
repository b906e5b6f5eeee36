import assert from 'node:assert/strict';
import { aChange, anOrder, decide, shaOf } from '../../test/support/ledger-world.ts';
import type { ForgeEvent } from '../core/forge-event.ts';
import type { Job } from '../core/job.ts';
import { changeKey } from '../core/subject.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { Ledger, NewDelivery } from './ledger.ts';

const dayMs = 24 * 3_600_000;
const noon = Date.parse('2026-11-22T12:00:00Z');
const minuteMs = 60_000;

const eventAt = (job: Job, sha: string | null = null): ForgeEvent => {
  const { forge, repo } = job.subject;
  return { kind: 'change', forge, repo, changeKey: changeKey(job.subject), sha };
};

const delivery = (id: string, given: Partial<NewDelivery> = {}): NewDelivery => ({
  id,
  event: eventAt(anOrder()),
  receivedAt: noon,
  traceId: `trace ${id}`,
  ...given,
});

const unread = (id: string, receivedAt = noon) => ({ id, forge: 'git', receivedAt, traceId: `trace ${id}` });

const idsOf = async (ledger: Ledger): Promise<readonly string[]> =>
  (await ledger.pendingDeliveries(99)).map(({ id }) => id);

/** A look that starts the job's work. */
async function look(
  ledger: Ledger,
  job: Job,
  {
    at,
    isScan = true,
    version = 1,
    deliveryIds = [],
  }: { at: number; isScan?: boolean; version?: number; deliveryIds?: string[] },
): Promise<void> {
  await ledger.applyDecision({
    change: aChange(job, { version }),
    actions: [{ kind: 'enqueue', job, generation: 1 }],
    deliveryIds,
    now: at,
    traceId: 't',
    isScan,
  });
}

/** What was delivered, found or missed, and what is remembered of it. */
export const deliveryClauses: readonly LedgerClause[] = [
  {
    title: 'the events of one delivery are recorded together, and once',
    async check({ ledger, reader }) {
      const three = [delivery('d'), delivery('d', { event: eventAt(anOrder({ repo: 'b' })) }), delivery('d')];
      assert.equal(await ledger.recordDeliveries(three), true);
      assert.deepEqual(await idsOf(ledger), ['d', 'd#2', 'd#3']);
      assert.deepEqual(
        (await ledger.pendingDeliveries(9)).map(({ event, traceId }) => [event.repo, traceId]),
        [
          ['demo', 'trace d'],
          ['b', 'trace d'],
          ['demo', 'trace d'],
        ],
      );
      assert.equal(await ledger.recordDeliveries([...three, delivery('d')]), false, 'a known one brings nothing along');
      assert.equal((await idsOf(ledger)).length, 3);
      assert.equal(await ledger.recordDeliveries([]), false);
      assert.equal((await reader.deliveryDays(1, noon))[0]?.received, 1, 'one delivery, whatever it holds');
    },
  },
  {
    title: 'what holds nothing to do, or cannot be read, is known and waits for nobody',
    async check({ ledger, reader }) {
      assert.equal(await ledger.recordUnread(unread('i'), { kind: 'ignored' }), true);
      assert.equal(await ledger.recordUnread(unread('p', noon + 1), { kind: 'parked', why: 'no JSON' }), true);
      assert.equal(await ledger.recordUnread(unread('p'), { kind: 'parked', why: 'other' }), false);
      assert.equal(await ledger.recordDelivery(delivery('i')), false);
      assert.deepEqual(await idsOf(ledger), []);
      assert.deepEqual(await reader.parkedDeliveries(9), [
        {
          id: 'p',
          forge: 'git',
          changeKey: null,
          source: 'event',
          receivedAt: noon + 1,
          parkedAt: noon + 1,
          traceId: 'trace p',
          why: 'no JSON',
        },
      ]);
    },
  },
  {
    title: 'whether a delivery was recorded is told by its id, whatever became of it',
    async check({ ledger, reopen }) {
      await ledger.recordDelivery(delivery('pending'));
      await ledger.recordDelivery(delivery('handled'));
      await ledger.endDelivery('handled', { kind: 'handled' }, noon);
      await ledger.recordUnread(unread('unread'), { kind: 'ignored' });
      const asked = ['unread', 'new', 'pending', 'handled', ''];
      for (const one of [ledger, await reopen()])
        assert.deepEqual([...(await one.knownDeliveries(asked))].sort(), ['handled', 'pending', 'unread']);
      assert.equal((await ledger.knownDeliveries([])).size, 0);
    },
  },
  {
    title: 'what came in is told by day, forge and way, and in all',
    async check({ ledger, reader }) {
      const other = { ...eventAt(anOrder()), forge: 'github' };
      await ledger.recordDelivery(delivery('1'));
      await ledger.recordDelivery(delivery('2', { receivedAt: noon + dayMs / 2 }));
      await ledger.recordDelivery(delivery('3', { event: other, source: 'sweep' }));
      await ledger.recordDelivery(delivery('4', { source: 'request' }));
      await ledger.recordUnread(unread('5'), { kind: 'parked', why: 'x' });
      await ledger.recordUnread(unread('6'), { kind: 'ignored' });
      await ledger.endDelivery('1', { kind: 'parked', why: 'tried in vain' }, noon + dayMs / 2);
      const day = { forge: 'git', bySweep: 0, byScan: 0 };
      const second = { ...day, day: '2026-11-23', received: 1, missed: 1 };
      const firsts = [
        { ...day, day: '2026-11-22', received: 3, missed: 1 },
        { ...day, day: '2026-11-22', forge: 'github', received: 0, bySweep: 1, missed: 0 },
      ];
      assert.deepEqual(await reader.deliveryDays(30, noon + dayMs), [second, ...firsts]);
      assert.deepEqual(await reader.deliveryDays(1, noon + dayMs), [second]);
      const sorted = async () => {
        const { bySource, missed, oldestPendingAt } = await reader.deliveryTotals();
        return [bySource.map(({ forge, source, n }) => `${forge} ${source} ${n}`).sort(), missed, oldestPendingAt];
      };
      const totals = [['git event 4', 'git request 1', 'github sweep 1'], [{ forge: 'git', n: 2 }], noon + dayMs / 2];
      assert.deepEqual(await sorted(), totals);
      await ledger.settleDays(noon + 500 * dayMs);
      await ledger.settleDays(noon + 500 * dayMs);
      assert.deepEqual(await reader.deliveryDays(600, noon + 500 * dayMs), [], 'days are not kept for ever');
      assert.deepEqual(await sorted(), totals, 'but what they held is');
    },
  },
  {
    title: 'what a scan found counts when no event told of it in time',
    async check({ ledger, reader }) {
      const found = async (at: number): Promise<number> => {
        await ledger.settleDays(at);
        return (await reader.deliveryDays(9, noon + dayMs)).reduce((sum, { byScan }) => sum + byScan, 0);
      };
      const [lost, late, other, waited] = ['1', '2', '3', '4'].map((d) => anOrder({ sha: shaOf(d), branch: d }));
      assert.ok(lost && late && other && waited);
      await look(ledger, lost, { at: noon });
      assert.equal(await found(noon + 9 * minuteMs), 0, 'the event may still come');
      assert.equal(await found(noon + 11 * minuteMs), 1);
      await look(ledger, lost, { at: noon + 12 * minuteMs, version: 2 });
      assert.equal(await found(noon + 60 * minuteMs), 1, 'the same head again is no find');

      await look(ledger, late, { at: noon });
      await ledger.recordDelivery(delivery('late', { event: eventAt(late, late.subject.sha) }));
      await look(ledger, late, { at: noon + minuteMs, isScan: false, version: 2, deliveryIds: ['late'] });
      assert.equal(await found(noon + 60 * minuteMs), 1, 'an event that was slower than the scan was not lost');

      await look(ledger, other, { at: noon });
      await ledger.recordDelivery(delivery('other', { event: eventAt(other, shaOf('f')) }));
      await look(ledger, other, { at: noon + minuteMs, isScan: false, version: 2, deliveryIds: ['other'] });
      assert.equal(await found(noon + 60 * minuteMs), 2, 'an event of another head explains nothing');

      await ledger.recordDelivery(delivery('waits', { event: eventAt(waited) }));
      await look(ledger, waited, { at: noon });
      assert.equal(await found(noon + 60 * minuteMs), 2, 'what waits to be handled was not lost');

      const triggered = anOrder({ sha: shaOf('5'), branch: '5' });
      const place = { forge: 'git', repo: 'demo' };
      const commit = { ...place, kind: 'commit', changeKey: `git|demo|commit/${shaOf('5')}`, sha: shaOf('5') } as const;
      await look(ledger, triggered, { at: noon });
      await ledger.recordDelivery(delivery('status', { event: commit }));
      await look(ledger, triggered, { at: noon, isScan: false, version: 2 });
      await ledger.endDelivery('status', { kind: 'handled' }, noon);
      const whole = { ...place, kind: 'repository', changeKey: 'git|demo|repository' } as const;
      await ledger.recordDelivery(delivery('repository', { event: whole }));
      await look(ledger, anOrder({ sha: shaOf('6'), branch: '6' }), { at: noon });
      await ledger.endDelivery('repository', { kind: 'handled' }, noon);
      assert.equal(await found(noon + 60 * minuteMs), 2, 'events of a commit or a repository tell of its places');

      const asked = anOrder({ sha: shaOf('1'), branch: '1', occasion: 'comment/7' });
      await look(ledger, asked, { at: noon + 20 * minuteMs, version: 3 });
      assert.equal(await found(noon + 60 * minuteMs), 3, 'a request that only the scan saw is a find at a known head');
    },
  },
  {
    title: 'since when a place has its head is told by the view that showed it first',
    async check({ ledger }) {
      const [one, two] = [anOrder(), anOrder({ sha: shaOf('b') })];
      const key = changeKey(one.subject);
      assert.equal(await ledger.lastLook(key), null);
      await decide(ledger, one, [], { now: 10, change: { version: 5 } });
      await decide(ledger, one, [], { now: 20, change: { version: 8 } });
      const last = await ledger.lastLook(key);
      assert.deepEqual([last?.headSince, last?.seenAt, last?.change.version], [5, 20, 8]);
      await decide(ledger, two, [], { now: 30, change: { version: 9 } });
      assert.equal((await ledger.lastLook(key))?.headSince, 9);
      await decide(ledger, one, [], { now: 40, change: { version: 10 } });
      assert.equal((await ledger.lastLook(key))?.headSince, 10, 'a head that came back is a new one');
    },
  },
  {
    title: 'a skip holds for its commit and context, until something runs there',
    async check({ ledger }) {
      const job = anOrder();
      const skip = (context: string, isByPolicy = false) =>
        ({
          kind: 'skip',
          sha: shaOf('a'),
          context,
          sentence: `no ${context}`,
          ...(isByPolicy ? { isByPolicy } : {}),
        }) as const;
      await decide(ledger, job, [skip('test'), skip('docs', true)]);
      const skipped = async (sha: string, repo = 'demo') =>
        [...(await ledger.skippedContexts('git', repo, sha))].sort((a, b) => (a.context < b.context ? -1 : 1));
      assert.deepEqual(await skipped(shaOf('a')), [
        { context: 'docs', sentence: 'no docs', isByPolicy: true },
        { context: 'test', sentence: 'no test', isByPolicy: false },
      ]);
      assert.deepEqual([await skipped(shaOf('b')), await skipped(shaOf('a'), 'other')], [[], []]);
      await decide(ledger, job, [{ kind: 'enqueue', job, generation: 1 }], { change: { version: 2 } });
      assert.deepEqual(
        (await skipped(shaOf('a'))).map(({ context }) => context),
        ['docs'],
      );
    },
  },
  {
    title: 'how far a delivery log was swept is remembered for each',
    async check({ ledger, reopen }) {
      assert.equal(await ledger.sweepMark('github', 'app'), null);
      await ledger.setSweepMark({ forge: 'github', log: 'app', at: 5 });
      await ledger.setSweepMark({ forge: 'github', log: 'octo/demo hook 7', at: 6 });
      await ledger.setSweepMark({ forge: 'github', log: 'app', at: 7 });
      const again = await reopen();
      assert.equal(await again.sweepMark('github', 'app'), 7);
      assert.equal(await again.sweepMark('github', 'octo/demo hook 7'), 6);
      assert.equal(await again.sweepMark('other', 'app'), null);
    },
  },
];
