import type { Job } from '../core/job.ts';
import { forging, deciding, decidingAfter, finishingAfter, type BrokenLedger } from './broken.contract.ts';

/** From an event to its jobs, and which job is which. */
export const brokenIntake: readonly BrokenLedger[] = [
  ['a ledger is fresh until', 'is never fresh', () => ({ isFresh: async () => false })],
  ['a ledger is fresh until', 'forgets that it began', () => ({ begin: async () => undefined })],
  [
    'a delivery is recorded once',
    'knows no delivery again',
    (ledger) => ({
      recordDelivery: async (delivery) => {
        await ledger.recordDelivery(delivery);
        return true;
      },
    }),
  ],
  [
    'a delivery is recorded once',
    'believes the later word',
    (ledger, database) => ({
      recordDelivery: async (delivery) => {
        await forging(database, `UPDATE deliveries SET trace_id = 'other'`);
        return ledger.recordDelivery(delivery);
      },
    }),
  ],
  [
    'calls that overlap',
    'lets a call overtake another',
    (ledger) => {
      let calls = 0;
      return {
        recordDelivery: async (delivery) => {
          calls += 1;
          if (calls === 1) await new Promise(setImmediate);
          return ledger.recordDelivery(delivery);
        },
      };
    },
  ],
  ['what was promised', 'answers before it remembers', () => ({ recordDelivery: async () => true })],
  [
    'unhandled deliveries',
    'takes the newest first',
    (ledger) => ({
      pendingDeliveries: async (limit) => [...(await ledger.pendingDeliveries(limit))].reverse(),
    }),
  ],
  [
    'unhandled deliveries',
    'gives more than was asked for',
    (ledger) => ({
      pendingDeliveries: () => ledger.pendingDeliveries(99),
    }),
  ],
  [
    'unhandled deliveries',
    'keeps what was parked',
    (ledger) => ({
      endDelivery: async (id, end, now) => {
        if (end.kind === 'handled') await ledger.endDelivery(id, end, now);
      },
    }),
  ],
  [
    'a try is counted',
    'counts tries in memory only',
    (ledger) => ({
      beginDelivery: async (id) => {
        const tries = await ledger.beginDelivery(id);
        await ledger.forgiveDelivery(id);
        return tries;
      },
    }),
  ],
  ['a try is counted', 'forgives nothing', () => ({ forgiveDelivery: async () => undefined })],
  [
    'a decision handles its deliveries',
    'leaves deliveries to somebody else',
    (ledger) => ({
      applyDecision: (decision) => ledger.applyDecision({ ...decision, deliveryIds: [] }),
    }),
  ],
  [
    'a decision handles its deliveries',
    'handles those of a stale view',
    (ledger) => ({
      applyDecision: async (decision) => {
        for (const id of decision.deliveryIds) await ledger.endDelivery(id, { kind: 'handled' }, 1);
        return ledger.applyDecision(decision);
      },
    }),
  ],
  [
    'a view older',
    'does not order views',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        await forging(database, 'UPDATE changes SET version = 0');
        return ledger.applyDecision(decision);
      },
    }),
  ],
  ['places are known', 'forgets places', () => ({ openPlaces: async () => [] })],
  [
    'places are known',
    'lists closed places',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE changes SET is_open = 1')),
  ],
  [
    'the jobs of a change',
    'overlooks jobs at other commits',
    (ledger) => ({
      jobsOfChange: async (key, sha) => (await ledger.jobsOfChange(key, sha)).filter((job) => job.sha === sha),
    }),
  ],
  ['approvals are remembered', 'does chores for ever', () => ({ choreDone: async () => undefined })],
  [
    'approvals are remembered',
    'approves for every place',
    (ledger) => ({
      approvedShas: () => ledger.approvedShas('git|demo|pull/3'),
    }),
  ],
  [
    'R11, R12',
    'begins with generation 1 whatever the forge remembers',
    (ledger) => deciding(ledger, (action) => (action.kind === 'enqueue' ? { ...action, generation: 1 } : action)),
  ],
  [
    'R13: only what ended',
    'opens nothing again',
    (ledger) => {
      const asked = new Set<string>();
      return deciding(ledger, (action) => {
        if (action.kind !== 'enqueue') return action;
        const isKnown = asked.has(action.job.id);
        asked.add(action.job.id);
        return isKnown ? null : action;
      });
    },
  ],
  [
    'R13: only what ended',
    'opens what was judged',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        await forging(
          database,
          `UPDATE jobs SET outcome = '{"kind":"canceled","reason":"closed","by":"x"}' WHERE state = 'ended'`,
        );
        return ledger.applyDecision(decision);
      },
    }),
  ],
  [
    'R13: what opens again',
    'goes on with the order of the first time',
    (ledger) => {
      const first = new Map<string, Job>();
      return deciding(ledger, (action) => {
        if (action.kind !== 'enqueue') return action;
        const job = first.get(action.job.id) ?? action.job;
        first.set(job.id, job);
        return { ...action, job };
      });
    },
  ],
  [
    'R13: what ran under',
    'takes a verdict of an earlier generation',
    (ledger) => ({
      finished: (message, ...rest) =>
        ledger.finished({ ...message, envelope: { ...message.envelope, generation: 2 } }, ...rest),
    }),
  ],
  [
    'R14: whoever is applied first',
    'lets a finish undo a cancel',
    (ledger, database) =>
      finishingAfter(ledger, () => forging(database, `UPDATE jobs SET state = 'running', outcome = NULL`)),
  ],
  [
    'R14: whoever is applied first',
    'stops nobody',
    (ledger) => ({
      applyDecision: async (decision) => ({ ...(await ledger.applyDecision(decision)), stops: [] }),
    }),
  ],
  [
    'R14: every claim or beat',
    'answers a beat with nothing',
    (ledger) => ({
      beat: async (...call) => ({ ...(await ledger.beat(...call)), stops: [] }),
    }),
  ],
  [
    'R14: every claim or beat',
    'answers a claim with nothing',
    (ledger) => ({
      claimed: async (...call) => ({ ...(await ledger.claimed(...call)), stops: [] }),
    }),
  ],
  [
    'R10: a message that nobody',
    'believes every claim',
    (ledger) => ({
      claimed: (message, _isVouched, now) => ledger.claimed(message, true, now),
    }),
  ],
  [
    'R10: a message that nobody',
    'believes every result',
    (ledger) => ({
      finished: (message, _isVouched, now) => ledger.finished(message, true, now),
    }),
  ],
  [
    'R10: a message that nobody',
    'believes every hello',
    (ledger) => ({
      hello: (message, _vouched, now) => ledger.hello(message, new Set(message.holds.map(({ nonce }) => nonce)), now),
    }),
  ],
  [
    'what came to nothing in the life',
    'makes the job wait',
    (ledger) => ({
      finished: async (message, ...rest) => {
        await ledger.claimed({ ...message, kind: 'claimed', isRedelivered: false }, true, rest[1]);
        return ledger.finished(message, ...rest);
      },
    }),
  ],
  [
    'R10: work of a ledger',
    'takes in no beat',
    (ledger) => ({
      beat: (message, _isVouched, now) => ledger.beat(message, false, now),
    }),
  ],
];
