import type { Clock } from '../base/clock.ts';
import type { LiveAttempt } from '../ledger/ledger.ts';

/**
 * What an attempt may take besides its job's time limit (ms): half an hour each for the checkout and the image, and an hour for
 * stopping and for saving what it left.
 */
export const overtimeMs = 2 * 3_600_000;

/**
 * Who is heard for longer than its job may take, whatever its worker says. The worker ends a job at its time limit; one that is
 * broken, or bad, could beat for ever, and a job would never end. Counted from when this server first heard of the attempt to
 * when it last did: what fell silent is for `Silence`, and a time when nobody listened accuses nobody.
 */
export interface Overtime {
  /** `timeoutMs`: of the order, which is signed. */
  heard(holding: Pick<LiveAttempt, 'worker' | 'nonce'>, timeoutMs: number): void;
  /** Those of the live attempts that are to be given up. Forgets who is not live any more. */
  over(live: readonly LiveAttempt[]): readonly LiveAttempt[];
}

const keyOf = ({ worker, nonce }: Pick<LiveAttempt, 'worker' | 'nonce'>): string => `${nonce} ${worker}`;

export function createOvertime(clock: Clock): Overtime {
  const known = new Map<string, { readonly until: number; heardAt: number }>();
  return {
    heard(holding, timeoutMs) {
      const now = clock.monotonic();
      const one = known.get(keyOf(holding));
      if (one === undefined) known.set(keyOf(holding), { until: now + timeoutMs + overtimeMs, heardAt: now });
      else one.heardAt = now;
    },
    over(live) {
      const keys = new Set(live.map(keyOf));
      for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
      return live.filter((attempt) => {
        const one = known.get(keyOf(attempt));
        return one !== undefined && one.heardAt > one.until;
      });
    },
  };
}
