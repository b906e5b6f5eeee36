import type { Change, StatusSeen } from './change.ts';
import type { ScheduleSlot } from './forge-event.ts';
import type { Job, JobId } from './job.ts';
import type { Outcome } from './outcome.ts';
import type { PersonRequest } from './request.ts';

/** One context that the policy wants for a change, ready to become a job. */
export type PlannedCheck = Pick<
  Job,
  | 'context'
  | 'command'
  | 'container'
  | 'env'
  | 'secrets'
  | 'needs'
  | 'pool'
  | 'priority'
  | 'timeoutMs'
  | 'exclusive'
  | 'integration'
  | 'network'
  | 'limits'
  | 'commandSubject'
> & {
  /** Never started by a push; only by request. */
  readonly isManual: boolean;
  /** Why it is not started by a push: one sentence for `policy explain`. */
  readonly whyManual?: string;
  /** A push needs no run of it, and the forge is told so (path filters); one sentence. */
  readonly skip?: string;
};

/** What the policy and the commit together say should run. `nothing` explains itself in one sentence. */
export type Plan =
  | { readonly kind: 'checks'; readonly checks: readonly PlannedCheck[] }
  | { readonly kind: 'nothing'; readonly sentence: string };

/** A job of this change as the ledger knows it. */
export interface JobKnown {
  readonly id: JobId;
  readonly generation: number;
  /** The place that asked for it last. */
  readonly changeKey: string;
  readonly sha: string;
  readonly context: string;
  readonly occasion: string;
  readonly isEnded: boolean;
  readonly outcome: Outcome | null;
  /** The status of (commit, context) is this job's to write: no later occasion was applied (R4). */
  readonly hasWord: boolean;
}

/**
 * All that a decision may look at, gathered by intake: the place as the forge shows it, our statuses and what people asked
 * there, the plan, approvals (commits of this change that somebody with the right has approved), and the ledger's jobs.
 * `remembersStatuses` false: this forge keeps none, so `statuses` says nothing.
 */
export interface Snapshot {
  readonly change: Change;
  readonly remembersStatuses: boolean;
  readonly statuses: readonly StatusSeen[];
  readonly requests: readonly PersonRequest[];
  readonly approvedShas: readonly string[];
  readonly plan: Plan;
  readonly jobs: readonly JobKnown[];
  /** Since when the place has this head, by the forge's clock (epoch ms, `Change.version`), as far as we know. */
  readonly headSince?: number;
  /** Slots of schedules that came and were not carried out yet. */
  readonly slots?: readonly ScheduleSlot[];
  /** Contexts that somebody skipped at the head. */
  readonly skipped?: readonly string[];
}
