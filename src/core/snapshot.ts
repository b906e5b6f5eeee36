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
  | 'foreignShas'
> & {
  /** Never started by a push; only by request. */
  readonly isManual: boolean;
  /** Why it is not started by a push: one sentence for `policy explain`. */
  readonly whyManual?: string;
  /** Manual only because the change says so (no-test, draft): asking for all means it, too. */
  readonly isHeld?: boolean;
  /** A push needs no run of it, and the forge is told so (path filters); one sentence. */
  readonly skip?: string;
  /** Whose failures open an issue: those of a push or person, and those of these schedules. */
  readonly issueFor?: { readonly isForChange: boolean; readonly schedules: readonly string[] };
};

/** A context that the policy wants and nobody can run now, and why, in one sentence. */
export interface ContextLeftOut {
  readonly context: string;
  readonly why: string;
}

/** A context that is not tested at the head of a change. `isByPolicy`: for its path filter; else a person said so. */
export interface ContextSkipped {
  readonly context: string;
  readonly sentence: string;
  readonly isByPolicy: boolean;
}

/** What the policy and the commit together say should run. `nothing` explains itself in one sentence. */
export type Plan =
  | {
      readonly kind: 'checks';
      readonly checks: readonly PlannedCheck[];
      readonly leftOut?: readonly ContextLeftOut[];
      /** Of the policy that it follows from. */
      readonly policyVersion?: string;
    }
  | { readonly kind: 'nothing'; readonly sentence: string };

/** A job of this change as the ledger knows it. */
export interface JobKnown {
  readonly id: JobId;
  readonly generation: number;
  /** The place that asked for it last. */
  readonly changeKey: string;
  readonly sha: string;
  /** With `isTrusted` a part of the question (R12): a job for another base, or with other trust, answers another one. */
  readonly baseRef: string;
  readonly isTrusted: boolean;
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
  /** Contexts that are skipped at the head, as the ledger knows it. */
  readonly skipped?: readonly ContextSkipped[];
}
