import type { BrokenCause, Outcome } from '../core/outcome.ts';

/** How often and how soon the machinery tries again. Pauses are ms. */
export interface RetryPlan {
  /** Tries whose failure counts (design: 3). */
  readonly attempts: number;
  /** Tries of any kind, hand-backs included: nothing goes round for ever. */
  readonly mostAttempts: number;
  /** Pause before try 2, 3 …; the last one repeats. */
  readonly pausesMs: readonly number[];
}

/** The design's plan. */
export const defaultRetryPlan: RetryPlan = { attempts: 3, mostAttempts: 12, pausesMs: [5_000, 60_000] };

/** What follows a broken attempt. */
export type RetryDecision = { readonly kind: 'again'; readonly pauseMs: number } | { readonly kind: 'give-up' };

/** Causes that say nothing about the next try: the worker left in good order, or never began. */
const uncounted: ReadonlySet<BrokenCause> = new Set<BrokenCause>(['gave-back']);
/** Gone with its worker: the job may run elsewhere at once. */
const immediate: ReadonlySet<BrokenCause> = new Set<BrokenCause>(['gave-back', 'lost', 'worker-restart']);

/** True when an attempt that ended so counts against the plan. One that was stopped says nothing, like one handed back. */
export function countsAsTry(outcome: Outcome): boolean {
  if (outcome.kind === 'canceled') return false;
  return outcome.kind !== 'broken' || !uncounted.has(outcome.cause);
}

/**
 * Decides after an attempt broke. `counted` and `total` include the one that just ended.
 */
export function afterBroken(
  plan: RetryPlan,
  cause: BrokenCause,
  tries: { readonly counted: number; readonly total: number },
): RetryDecision {
  if (cause === 'poison' || tries.counted >= plan.attempts || tries.total >= plan.mostAttempts)
    return { kind: 'give-up' };
  if (immediate.has(cause)) return { kind: 'again', pauseMs: 0 };
  const pause = plan.pausesMs[Math.max(0, Math.min(tries.counted, plan.pausesMs.length) - 1)];
  return { kind: 'again', pauseMs: pause ?? 0 };
}
