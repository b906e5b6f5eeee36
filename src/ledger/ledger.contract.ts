import { test } from 'node:test';
import { againClauses } from './again.contract.ts';
import { claimClauses } from './claim.contract.ts';
import { deliveryClauses } from './delivery.contract.ts';
import { intakeClauses } from './intake.contract.ts';
import { issueClauses } from './issue.contract.ts';
import type { LedgerClause, LedgerHarness } from './harness.contract.ts';
import { placeClauses } from './place.contract.ts';
import { pruneClauses } from './prune.contract.ts';
import { reportClauses } from './report.contract.ts';
import { shadowClauses } from './shadow.contract.ts';
import { tellingClauses } from './telling.contract.ts';
import { verdictClauses } from './verdict.contract.ts';

/** Everything that the port promises, a clause each. What survives `kill -9` is shown by the kill scenario. */
export const ledgerClauses: readonly LedgerClause[] = [
  ...intakeClauses,
  ...deliveryClauses,
  ...placeClauses,
  ...againClauses,
  ...claimClauses,
  ...verdictClauses,
  ...reportClauses,
  ...tellingClauses,
  ...issueClauses,
  ...shadowClauses,
  ...pruneClauses,
];

/** Runs the contract against an adapter; `open` makes a fresh ledger for each clause. */
export function testLedgerContract(adapter: string, open: () => Promise<LedgerHarness>): void {
  for (const { title, check } of ledgerClauses) {
    test(`${adapter}: ${title}`, async () => {
      const harness = await open();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    });
  }
}
