import { deciding, decidingAfter, forging, type BrokenLedger } from './broken.contract.ts';

const silence = { state: 'pending', sentence: '', path: '/' } as const;

/** How much, how often and in which order a forge is told. */
export const brokenTelling: readonly BrokenLedger[] = [
  [
    'posts are counted for the occasion',
    'counts whatever is posted',
    (ledger, database) => ({
      reportPosted: async (...call) => {
        await forging(database, 'UPDATE reports SET word_version = 1');
        await ledger.reportPosted(...call);
      },
    }),
  ],
  [
    'posts are counted for the occasion',
    'counts nothing',
    (ledger, database) => ({
      reportPosted: async (...call) => {
        await ledger.reportPosted(...call);
        await forging(database, 'UPDATE reports SET posts = 0');
      },
    }),
  ],
  [
    'posts are counted for the occasion',
    'counts on after a restatement',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE reports SET posts = 2')),
  ],
  ['a step that is left out', 'leaves nothing out', () => ({ reportSkipped: async () => undefined })],
  [
    'a step that is left out',
    'counts what it left out',
    (ledger) => ({
      reportSkipped: (report) => ledger.reportPosted(report, { state: 'pending', sentence: '', path: '/' }, 1),
    }),
  ],
  [
    'verdicts, then first words',
    'lets one commit go before all others',
    (ledger) => ({
      dueReports: async (now, limit, forge) => {
        const due = await ledger.dueReports(now, 99, forge);
        const rank = (at: (typeof due)[number]) => (at.isFinal && at.context !== 'gone' ? 0 : 1);
        return [...due].sort((a, b) => rank(a) - rank(b) || a.sha.localeCompare(b.sha)).slice(0, limit);
      },
    }),
  ],
  [
    'verdicts, then first words',
    'tells first what was superseded',
    (ledger) => ({
      dueReports: async (now, limit, forge) => {
        const due = await ledger.dueReports(now, 99, forge);
        return [...due].sort((a, b) => Number(b.isFinal) - Number(a.isFinal)).slice(0, limit);
      },
    }),
  ],
  [
    'the forge hears that a request is done',
    'calls it done at once',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE chores SET waits_for = NULL')),
  ],
  [
    'each forge is asked',
    'does not tell forges apart',
    (ledger) => ({ dueReports: (now, limit) => ledger.dueReports(now, limit) }),
  ],
  [
    'each forge is asked',
    'mixes up their chores',
    (ledger) => ({ dueChores: (now, limit) => ledger.dueChores(now, limit) }),
  ],
  ['each forge is asked', 'knows one time for all', (ledger) => ({ nextReportAt: () => ledger.nextReportAt() })],
  ['each forge is asked', 'knows nobody to tell', () => ({ forgesToTell: async () => [] })],
  [
    'what the forge refuses is not due',
    'never gives up',
    (ledger) => ({ reportRefused: (report) => ledger.reportFailed(report, 0) }),
  ],
  [
    'what the forge refuses is not due',
    'loses a verdict that was refused',
    (ledger, database) => ({
      reportRefused: async (report, ...rest) => {
        await ledger.reportRefused(report, ...rest);
        await forging(database, 'UPDATE reports SET posted_version = version');
      },
    }),
  ],
  [
    'what the forge refuses is not due',
    'takes a forge that is away for one that refuses',
    (ledger) => ({ reportFailed: (report, at) => ledger.reportRefused(report, 'away', at) }),
  ],
  [
    'what the forge took a moment ago',
    'says it at each look',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        await forging(database, 'UPDATE reports SET posted_at = -9000000');
        return ledger.applyDecision(decision);
      },
    }),
  ],
  [
    'what a look finds unsaid while it is being told',
    'makes a new version of it at each look',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const applied = await ledger.applyDecision(decision);
        if (decision.actions.some(({ kind }) => kind === 'restate'))
          await forging(database, 'UPDATE reports SET version = version + 1');
        return applied;
      },
    }),
  ],
  [
    'who asks is told what the forge shows',
    'takes what is refused for posted',
    (ledger) => ({ reportRefused: (report, _why, now) => ledger.reportPosted(report, { ...silence }, now) }),
  ],
  [
    'who asks is told what the forge shows',
    'forgets that a context is skipped',
    (ledger) => deciding(ledger, (action) => (action.kind === 'skip' ? null : action)),
  ],
  [
    'a view from before the forge was told',
    'takes it for one of now',
    (ledger) => ({ applyDecision: ({ viewedAt: _viewedAt, ...decision }) => ledger.applyDecision(decision) }),
  ],
  [
    'a view from before the forge was told',
    'restates nothing ever',
    (ledger) => deciding(ledger, (action) => (action.kind === 'restate' ? null : action)),
  ],
  [
    'what the forge took a moment ago',
    'never says it again',
    (ledger) => deciding(ledger, (action) => (action.kind === 'restate' ? null : action)),
  ],
  [
    'a skip that the forge shows wrongly is said again',
    'says only jobs again',
    (ledger) => deciding(ledger, (action) => (action.kind === 'restate-skip' ? null : action)),
  ],
  [
    'what was refused a moment ago',
    'restates it at each look',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        await forging(database, 'UPDATE reports SET posted_at = -9000000');
        return ledger.applyDecision(decision);
      },
    }),
  ],
  [
    'what was refused a moment ago',
    'never restates it',
    (ledger) => deciding(ledger, (action) => (action.kind === 'restate' ? null : action)),
  ],
  [
    'what was refused a moment ago',
    'keeps its run for ever',
    (ledger, database) => ({
      forgettableRuns: async (...call) => {
        await forging(database, 'UPDATE reports SET refused_version = 0');
        return ledger.forgettableRuns(...call);
      },
    }),
  ],
  [
    'waiting jobs of which one post tells',
    'lists what does not wait',
    (ledger, database) => ({
      shownWaiting: async (...call) => {
        await forging(database, `UPDATE jobs SET state = 'waiting'`);
        return ledger.shownWaiting(...call);
      },
    }),
  ],
  [
    'waiting jobs of which one post tells',
    'lists what was told twice',
    (ledger, database) => ({
      shownWaiting: async (...call) => {
        await forging(database, 'UPDATE reports SET posts = 1');
        return ledger.shownWaiting(...call);
      },
    }),
  ],
  [
    'waiting jobs of which one post tells',
    'begins anew each time',
    (ledger) => ({ shownWaiting: (forge, before, _after, limit) => ledger.shownWaiting(forge, before, 0, limit) }),
  ],
  [
    'for a forge that is told nothing',
    'gives what others are told',
    (ledger) => ({ untoldReports: (now, limit) => ledger.dueReports(now, limit) }),
  ],
  [
    'for a forge that is told nothing',
    'gives all at once',
    (ledger) => ({ untoldReports: (now, _limit, forge) => ledger.dueReports(now, 99, forge) }),
  ],
];
