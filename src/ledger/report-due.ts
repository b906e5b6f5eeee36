import type { Notice } from '../core/action.ts';
import type { Job, JobId } from '../core/job.ts';
import type { Outcome, Phase } from '../core/outcome.ts';
import type { Verdict } from '../core/verdict.ts';

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
  /** Posts so far for the occasion that is told now; GitHub takes 1,000 for a commit and context, we send three. */
  readonly posts: number;
  /** The forge shows something of ours for this commit and context, whatever occasion it is about. */
  readonly isShown: boolean;
  /** A verdict, or a notice: never left out. */
  readonly isFinal: boolean;
  readonly about:
    | { readonly kind: 'job'; readonly standing: JobStanding; readonly job: Job }
    | { readonly kind: 'notice'; readonly notice: Notice | null };
}

/** A waiting job whose only post says so; `said` as it was posted. */
export interface WaitingShown extends ReportDue {
  readonly said: Verdict;
  readonly postedAt: number;
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
      readonly answer?: 'done' | 'refused';
    }
  | {
      readonly id: number;
      readonly tries: number;
      readonly kind: 'comment';
      readonly forge: string;
      readonly repo: string;
      readonly pull: number;
      readonly text: string;
      /** Unique for ever. */
      readonly marker: string;
    };

/** An issue about a check of a branch (schedules too): open while its newest verdict is a failure. */
export interface IssueDue {
  readonly forge: string;
  readonly repo: string;
  readonly branch: string;
  readonly context: string;
  /** Grows with each change of what it should say. */
  readonly version: number;
  readonly tries: number;
  readonly isOpen: boolean;
  /** The job whose verdict it tells, and how often in a row it failed (0 when it passed). */
  readonly job: Job;
  readonly outcome: Outcome;
  readonly failures: number;
  /** When the first of them ended (epoch ms); null when it passed and no failure is known. */
  readonly failingSince: number | null;
}
