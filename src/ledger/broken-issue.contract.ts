import { finishingAfter, forging, type BrokenLedger } from './broken.contract.ts';

/** From a verdict to its issue. */
export const brokenIssue: readonly BrokenLedger[] = [
  [
    'a failure that tells by an issue',
    'keeps what it was not told',
    (ledger, database) => ({
      issueKept: async (...call) => {
        await ledger.issueKept(...call);
        await forging(database, 'UPDATE issues SET kept_version = version');
      },
    }),
  ],
  [
    'a failure that tells by an issue',
    'forgets since when',
    (ledger, database) => ({
      dueIssues: async (...call) => {
        await forging(database, 'UPDATE issues SET failing_since = NULL');
        return ledger.dueIssues(...call);
      },
    }),
  ],
  [
    'a failure that tells by an issue',
    'tells every forge',
    (ledger) => ({ dueIssues: (now, limit) => ledger.dueIssues(now, limit) }),
  ],
  [
    'a job that tells no issue',
    'opens one for every failure',
    (ledger, database) =>
      finishingAfter(ledger, () =>
        forging(database, `UPDATE jobs SET body = json_set(body, '$.reportsIssue', json('true'))`),
      ),
  ],
  [
    'a success closes what is open',
    'never closes',
    (ledger) => ({
      finished: (message, ...rest) =>
        ledger.finished(
          {
            ...message,
            outcome:
              message.outcome.kind === 'passed' ? { kind: 'failed', exitCode: 1, reason: 'exit' } : message.outcome,
          },
          ...rest,
        ),
    }),
  ],
  [
    'R11: the first success',
    'knows of nothing to close',
    (ledger) => ({
      dueIssues: async (...call) => (await ledger.dueIssues(...call)).filter((issue) => issue.isOpen),
    }),
  ],
  [
    'R11: the first success',
    'closes at each success',
    (ledger, database) => ({
      finished: async (...call) => {
        const applied = await ledger.finished(...call);
        await forging(database, 'UPDATE issues SET version = version + 1');
        return applied;
      },
    }),
  ],
  [
    'a failure after a failure',
    'edits at each run',
    (ledger, database) => ({
      finished: async (...call) => {
        const applied = await ledger.finished(...call);
        await forging(database, 'UPDATE issues SET version = kept_version + 1');
        return applied;
      },
    }),
  ],
  [
    'a failure after a failure',
    'never comes up to date',
    (ledger, database) => ({
      issueKept: async (issue, ...rest) => {
        await ledger.issueKept(issue, ...rest);
        await forging(database, 'UPDATE issues SET kept_version = kept_version + 1');
      },
    }),
  ],
  ['an issue that could not be kept', 'hammers the forge', () => ({ issueFailed: async () => undefined })],
  [
    'an issue that could not be kept',
    'takes an old failure for the present one’s',
    (ledger, database) => ({
      issueFailed: async (issue, nextTryAt) => {
        await ledger.issueFailed(issue, nextTryAt);
        await forging(database, `UPDATE issues SET next_try_at = ${String(nextTryAt)}`);
      },
    }),
  ],
];
