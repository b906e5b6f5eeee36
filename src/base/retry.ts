import type { Random } from './random.ts';

/** Grows by `factor` from `firstMs` up to `mostMs`. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
  readonly factor: number;
}

/** The pause before try `tried + 1` (tried ≥ 1), spread over ±25 % so that many clients do not come back together. */
export function backoffMs(plan: Backoff, tried: number, random: Random): number {
  const plain = Math.min(plan.mostMs, plan.firstMs * plan.factor ** (tried - 1));
  return Math.round(plain * (0.75 + 0.5 * random.fraction()));
}
