import type { Change } from '../core/change.ts';
import type { Plan } from '../core/snapshot.ts';

/** What should run for a change: the policy of the server's configuration, completed by what stands in the commit. */
export type PlanSource = (change: Change, signal: AbortSignal) => Promise<Plan>;
