import { deciding, forging, type BrokenLedger } from './broken.contract.ts';

/** From what was delivered to what is remembered of it. */
export const brokenDelivery: readonly BrokenLedger[] = [
  [
    'the events of one delivery',
    'keeps the first event only',
    (ledger) => ({ recordDeliveries: (all) => ledger.recordDeliveries(all.slice(0, 1)) }),
  ],
  [
    'the events of one delivery',
    'takes each event for a delivery',
    (ledger) => ({
      recordDeliveries: async (all) => {
        let isNew = false;
        for (const [at, one] of all.entries())
          isNew = (await ledger.recordDelivery({ ...one, id: at === 0 ? one.id : `${one.id}#${at + 1}` })) || isNew;
        return isNew;
      },
    }),
  ],
  [
    'the events of one delivery',
    'counts it again each time',
    (ledger, database) => ({
      recordDeliveries: async (all) => {
        const isNew = await ledger.recordDeliveries(all);
        await forging(database, 'UPDATE delivery_days SET n = n + 1');
        return isNew;
      },
    }),
  ],
  [
    'what holds nothing to do',
    'lets it wait',
    (ledger, database) => ({
      recordUnread: async (...call) => {
        const isNew = await ledger.recordUnread(...call);
        await forging(database, `UPDATE deliveries SET state = 'pending', event = '{}' WHERE state = 'handled'`);
        return isNew;
      },
    }),
  ],
  ['what holds nothing to do', 'forgets it', () => ({ recordUnread: async () => true })],
  [
    'what holds nothing to do',
    'keeps no reason',
    (ledger) => ({
      recordUnread: (one, end) => ledger.recordUnread(one, end.kind === 'parked' ? { ...end, why: '' } : end),
    }),
  ],
  [
    'whether a delivery was recorded',
    'knows only what waits',
    (ledger) => ({
      knownDeliveries: async (ids) =>
        new Set((await ledger.pendingDeliveries(99)).map(({ id }) => id).filter((id) => ids.includes(id))),
    }),
  ],
  ['whether a delivery was recorded', 'knows everything', () => ({ knownDeliveries: async (ids) => new Set(ids) })],
  [
    'what came in is told',
    'takes every way for an event',
    (ledger) => ({ recordDelivery: (one) => ledger.recordDelivery({ ...one, source: 'event' }) }),
  ],
  [
    'what came in is told',
    'misses nothing ever',
    (ledger, database) => ({
      endDelivery: async (...call) => {
        await ledger.endDelivery(...call);
        await forging(database, `DELETE FROM delivery_days WHERE source = 'missed'`);
      },
    }),
  ],
  [
    'what came in is told',
    'forgets with the days what they held',
    (ledger, database) => ({
      settleDays: async (now) => {
        await ledger.settleDays(now);
        await forging(database, `DELETE FROM delivery_days WHERE day = ''`);
      },
    }),
  ],
  ['what came in is told', 'keeps days for ever', () => ({ settleDays: async () => undefined })],
  ['what a scan found', 'never settles', () => ({ settleDays: async () => undefined })],
  [
    'what a scan found',
    'gives the event no time',
    (ledger) => ({ settleDays: (now) => ledger.settleDays(now + 10 * 60_000) }),
  ],
  [
    'what a scan found',
    'takes no find back',
    (ledger) => ({ applyDecision: (decision) => ledger.applyDecision({ ...decision, isScan: true }) }),
  ],
  [
    'what a scan found',
    'takes every find back',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const applied = await ledger.applyDecision(decision);
        if (decision.isScan === false) await forging(database, 'UPDATE changes SET found_at = NULL');
        return applied;
      },
    }),
  ],
  [
    'what a scan found',
    'sees no requests',
    (ledger) =>
      deciding(ledger, (action) =>
        action.kind === 'enqueue' ? { ...action, job: { ...action.job, occasion: 'change' } } : action,
      ),
  ],
  [
    'what a scan found',
    'finds what waits',
    (ledger) => ({
      applyDecision: async (decision) => {
        for (const { id } of await ledger.pendingDeliveries(99)) await ledger.endDelivery(id, { kind: 'handled' }, 1);
        return ledger.applyDecision(decision);
      },
    }),
  ],
  [
    'since when a place',
    'begins anew with each view',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const applied = await ledger.applyDecision(decision);
        await forging(database, 'UPDATE changes SET head_since = version');
        return applied;
      },
    }),
  ],
  [
    'since when a place',
    'never begins anew',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const applied = await ledger.applyDecision(decision);
        await forging(database, 'UPDATE changes SET head_since = 5');
        return applied;
      },
    }),
  ],
  ['a skip holds', 'forgets skips', () => ({ skippedContexts: async () => [] })],
  [
    'a skip holds',
    'skips at every commit',
    (ledger) => ({ skippedContexts: (forge, repo) => ledger.skippedContexts(forge, repo, 'a'.repeat(40)) }),
  ],
  [
    'a skip holds',
    'takes every skip for a person’s',
    (ledger) => ({
      skippedContexts: async (...call) =>
        (await ledger.skippedContexts(...call)).map((one) => ({ ...one, isByPolicy: false })),
    }),
  ],
  ['how far a delivery log', 'remembers nothing', () => ({ setSweepMark: async () => undefined })],
  [
    'how far a delivery log',
    'keeps one mark for all logs',
    (ledger) => ({ setSweepMark: (mark) => ledger.setSweepMark({ ...mark, log: 'app' }) }),
  ],
];
