import type { Governor } from '../client/governor.ts';

/** Whom GitHub takes us for: a token, an App, or an App at one owner. Each has limits of its own. */
export interface Account {
  /** Names the account in caches and logs; no secret, and the same after a restart. */
  readonly id: string;
  readonly governor: Governor;
  /** The value of the header. `isRefused`: the last one was not accepted; answers the same when there is no other. */
  authorization(signal: AbortSignal, isRefused?: boolean): Promise<string>;
}
