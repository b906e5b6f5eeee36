import type { LedgerReader } from './ledger-reader.ts';
import type { Ledger } from './ledger.ts';

/** An adapter to be tested: a fresh ledger, its reader, and another ledger over the same memory, as after a restart. */
export interface LedgerHarness {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly reopen: () => Promise<Ledger>;
  readonly close: () => Promise<void>;
}

/** One promise of the port; rules of the design are named. Back-off and number of tries are those of `defaultRetryPlan`. */
export interface LedgerClause {
  readonly title: string;
  readonly check: (harness: LedgerHarness) => Promise<void>;
}
