import { defaultRetryPlan } from '../decide/retry-plan.ts';
import { forging, deciding, decidingAfter, finishingAfter, finishingIf, type BrokenLedger } from './broken.contract.ts';
import { openSqliteLedger } from './sqlite/open-ledger.ts';

/** From running to what is shown. */
export const brokenVerdict: readonly BrokenLedger[] = [
  [
    'R4: the first verdict',
    'takes the owner’s verdict only',
    (ledger) => finishingIf(ledger, (live) => live?.isOwner === true),
  ],
  [
    'R4: the first verdict',
    'lets the others go on',
    (ledger) => ({
      finished: async (...call) => ({ ...(await ledger.finished(...call)), stops: [] }),
    }),
  ],
  [
    'R4: the first verdict',
    'takes the last verdict',
    (ledger, database) =>
      finishingAfter(ledger, () => forging(database, `UPDATE jobs SET state = 'running', outcome = NULL`)),
  ],
  [
    'R4: a verdict closes a job that waits',
    'expects an end of the living only',
    (ledger) => finishingIf(ledger, (live) => live !== undefined),
  ],
  [
    'R4: of an exclusive job',
    'takes anybody’s verdict',
    (ledger, database) => finishingAfter(ledger, () => forging(database, 'UPDATE jobs SET is_exclusive = 0')),
  ],
  ['a result counts although', 'wants a claim first', (ledger) => finishingIf(ledger, (live) => live !== undefined)],
  [
    'a result counts although',
    'says a repeated end anew',
    (ledger, database) => ({
      sealed: async (message) => {
        await forging(database, 'UPDATE reports SET version = version + 1');
        return ledger.sealed(message);
      },
    }),
  ],
  [
    'the machinery’s failures',
    'tries without end',
    (_ledger, database) => ({
      finished: (...call) =>
        openSqliteLedger(database, { retryPlan: { ...defaultRetryPlan, attempts: 9 } }).finished(...call),
    }),
  ],
  [
    'the machinery’s failures',
    'tries without a pause',
    (_ledger, database) => ({
      finished: (...call) =>
        openSqliteLedger(database, { retryPlan: { ...defaultRetryPlan, pausesMs: [] } }).finished(...call),
    }),
  ],
  [
    'an attempt that was canceled',
    'counts a stop as a try',
    (ledger) => ({
      finished: (message, ...rest) =>
        ledger.finished({ ...message, outcome: { kind: 'broken', cause: 'lost', phase: 'running' } }, ...rest),
    }),
  ],
  [
    'a broken end of a number',
    'takes an old end for the present one’s',
    (ledger) => ({
      finished: async (message, isVouched, now) => {
        if (message.outcome.kind === 'broken') await ledger.lose(await ledger.liveAttempts(), now);
        return ledger.finished(message, isVouched, now);
      },
    }),
  ],
  [
    'a job at another commit',
    'judges all commits at once',
    (ledger, database) => ({
      finished: async (...call) => {
        const applied = await ledger.finished(...call);
        await forging(database, `UPDATE jobs SET state = 'ended', outcome = '{"kind":"passed"}'`);
        return applied;
      },
    }),
  ],
  [
    'each step of a job',
    'says every beat',
    (ledger, database) => ({
      beat: async (...call) => {
        await forging(database, 'UPDATE reports SET version = version + 1');
        return ledger.beat(...call);
      },
    }),
  ],
  [
    'each step of a job',
    'says nothing of an offer',
    (ledger, database) => ({
      createAttempt: async (offer) => {
        const n = await ledger.createAttempt(offer);
        await forging(database, 'UPDATE reports SET posted_version = version');
        return n;
      },
    }),
  ],
  [
    'posting acknowledges',
    'acknowledges what it did not post',
    (ledger, database) => ({
      reportPosted: async (...call) => {
        await ledger.reportPosted(...call);
        await forging(database, 'UPDATE reports SET posted_version = version');
      },
    }),
  ],
  [
    'posting acknowledges',
    'goes back to an older version',
    (ledger, database) => ({
      reportPosted: async (report, ...rest) => {
        await forging(database, 'UPDATE reports SET posted_version = 0');
        await ledger.reportPosted(report, ...rest);
      },
    }),
  ],
  ['a failed post comes back', 'hammers the forge', () => ({ reportFailed: async () => undefined })],
  ['a failed post comes back', 'does not know when', () => ({ nextReportAt: async () => null })],
  [
    'finals go first',
    'lets finals wait',
    (ledger) => ({
      dueReports: async (now, limit) => [...(await ledger.dueReports(now, 99))].reverse().slice(0, limit),
    }),
  ],
  [
    'R4: the status shows',
    'gives the word to nobody new',
    (ledger, database) => {
      let first: string | null = null;
      return {
        applyDecision: async (decision) => {
          const applied = await ledger.applyDecision(decision);
          const [action] = decision.actions;
          if (action?.kind === 'enqueue') first ??= action.job.id;
          await forging(database, `UPDATE reports SET job_id = '${first ?? ''}'`);
          return applied;
        },
      };
    },
  ],
  [
    'asking again for a job',
    'says it anew each time',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE reports SET version = version + 1')),
  ],
  [
    'what the forge shows wrongly',
    'never says it again',
    (ledger) => deciding(ledger, (action) => (action.kind === 'restate' ? null : action)),
  ],
  [
    'what one of two places',
    'lets the other take it back',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE changes SET notice = NULL')),
  ],
  [
    'what one of two places',
    'never takes it back',
    (ledger) => deciding(ledger, (action) => (action.kind === 'notice' && action.notice === null ? null : action)),
  ],
  [
    'a notice is said once',
    'says the same for ever',
    (ledger, database) => decidingAfter(ledger, () => forging(database, 'UPDATE reports SET version = version + 1')),
  ],
  [
    'a notice is said once',
    'never withdraws',
    (ledger) => deciding(ledger, (action) => (action.kind === 'notice' && action.notice === null ? null : action)),
  ],
];
