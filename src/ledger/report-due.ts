import type { Notice } from '../core/action.ts';
import type { Job, JobId } from '../core/job.ts';
import type { Outcome, Phase } from '../core/outcome.ts';

/** Where a job stands, for people and statuses. */
export interface JobStanding {
  readonly jobId: JobId;
  readonly generation: number;
  readonly state: 'waiting' | 'offered' | 'running' | 'ended';
  readonly phase: Phase | null;
  readonly outcome: Outcome | null;
  /** Tries of this generation so far. */
  readonly attempts: number;
}

/** One status that the forge should show: the standing of the job whose occasion was applied last (R4), or a notice. */
export interface ReportDue {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  /** Grows with each change of what should be shown; posting acknowledges this one. */
  readonly version: number;
  readonly tries: number;
  readonly about:
    | { readonly kind: 'job'; readonly standing: JobStanding; readonly job: Job }
    | { readonly kind: 'notice'; readonly notice: Notice | null };
}

/** Something the forge must remember for us (R11). */
export type ForgeChore =
  | {
      readonly id: number;
      readonly tries: number;
      readonly kind: 'approve';
      readonly forge: string;
      readonly repo: string;
      readonly sha: string;
      readonly by: string;
    }
  | {
      readonly id: number;
      readonly tries: number;
      readonly kind: 'request-done';
      readonly forge: string;
      readonly repo: string;
      readonly requestId: string;
    };
