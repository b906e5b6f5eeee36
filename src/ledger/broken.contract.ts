import type { Database } from '../base/sqlite.ts';
import type { Action } from '../core/action.ts';
import type { Applied, Ledger } from './ledger.ts';

/** A sound ledger with one fault; the database is there for those that forge what stands in it. */
export type Fault = (ledger: Ledger, database: Database) => Partial<Ledger>;

export const silent: Applied = { kind: 'applied', isNews: false, stops: [] };

/** Does this behind the ledger's back, before or after the call. */
export function forging(database: Database, sql: string): Promise<unknown> {
  return database.change((statements) => statements.run(sql));
}

/** Decisions whose actions are changed on the way; null leaves one out. */
export function deciding(ledger: Ledger, change: (action: Action) => Action | null): Partial<Ledger> {
  return {
    applyDecision: (decision) =>
      ledger.applyDecision({
        ...decision,
        actions: decision.actions.flatMap((action) => change(action) ?? []),
      }),
  };
}

export function decidingAfter(ledger: Ledger, after: () => Promise<unknown>): Partial<Ledger> {
  return {
    applyDecision: async (decision) => {
      const applied = await ledger.applyDecision(decision);
      await after();
      return applied;
    },
  };
}

export function finishingAfter(ledger: Ledger, before: () => Promise<unknown>): Partial<Ledger> {
  return {
    finished: async (...call) => {
      await before();
      return ledger.finished(...call);
    },
  };
}

/** Ends of holdings that are not live are dropped. */
export function finishingIf(
  ledger: Ledger,
  isWelcome: (live: { isOwner: boolean } | undefined) => boolean,
): Partial<Ledger> {
  return {
    finished: async (message, ...rest) => {
      const live = (await ledger.liveAttempts()).find(({ nonce }) => nonce === message.nonce);
      return isWelcome(live) ? ledger.finished(message, ...rest) : silent;
    },
  };
}

/** A ledger that is broken in one way: the beginning of the clause that must see it, what it does, and how. */
export type BrokenLedger = readonly [clause: string, what: string, fault: Fault];
