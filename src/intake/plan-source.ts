import type { Change } from '../core/change.ts';
import type { Plan } from '../core/snapshot.ts';

/**
 * What should run for a change: the policy of the server's configuration, completed by what stands in the commit. `hasRun`: a
 * job was made for this very commit before, so that what it needs of the commit is there.
 */
export type PlanSource = (change: Change, signal: AbortSignal, known?: { readonly hasRun: boolean }) => Promise<Plan>;
