import { decidingAfter, forging, type BrokenLedger } from './broken.contract.ts';

/** What another CI said of our commits. */
export const brokenShadow: readonly BrokenLedger[] = [
  [
    'what another CI shows is remembered',
    'overlooks other CIs',
    (ledger) => ({
      applyDecision: ({ foreign: _foreign, ...decision }) => ledger.applyDecision(decision),
    }),
  ],
  [
    'what another CI shows is remembered',
    'takes each look for the beginning',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const began = decision.foreign?.find(({ state }) => state === 'pending')?.createdAt;
        const applied = await ledger.applyDecision(decision);
        if (began !== undefined) await forging(database, `UPDATE foreign_statuses SET pending_at = ${String(began)}`);
        return applied;
      },
    }),
  ],
  [
    'what another CI shows is remembered',
    'keeps the first verdict for ever',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const isKnown = database.read((sql) => sql.get('SELECT 1 FROM foreign_statuses WHERE final_at IS NOT NULL'));
        return ledger.applyDecision(isKnown === undefined ? decision : { ...decision, foreign: [] });
      },
    }),
  ],
  [
    'what only one of the two says',
    'remembers only what we test, too',
    (ledger, database) =>
      decidingAfter(ledger, () =>
        forging(database, `DELETE FROM foreign_statuses WHERE context NOT IN (SELECT context FROM jobs)`),
      ),
  ],
  [
    'no commit fills the ledger',
    'forgets nothing that it saw',
    (ledger, database) => ({
      forgetTraces: async (...call) => {
        await forging(database, 'UPDATE foreign_statuses SET seen_at = 999999');
        return ledger.forgetTraces(...call);
      },
    }),
  ],
  [
    'no commit fills the ledger',
    'forgets the heads',
    (ledger, database) => ({
      forgetTraces: async (...call) => {
        await forging(database, 'DELETE FROM foreign_statuses');
        return ledger.forgetTraces(...call);
      },
    }),
  ],
];
