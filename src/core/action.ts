import type { Job, JobId } from './job.ts';
import type { CancelReason } from './outcome.ts';

/**
 * What a decision wants done. All actions of one snapshot go into one ledger transaction; each is idempotent.
 * - `enqueue`: have this job, open, at least at `generation`; opening an ended one again raises its generation (R13).
 * - `cancel`: end this job, if it has not ended (R14).
 * - `restate`: the forge shows something else than it should: this job has the word (R4), and its state is posted again.
 * - `restate-skip`: the same, for a context that a person skipped: it belongs to no job.
 * - `notice`: a status that belongs to no job (waiting for approval, nothing to run); null text withdraws it.
 * - `approve`: remember that this commit is approved, by whom and by which request, here and on the forge (R11).
 * - `skip`: this context needs no test at this commit; shown as a success with its sentence, here and on the forge (R11).
 *   `isByPolicy`: nobody asked for it (path filters), and it ends with its reason.
 * - `request-done`: mark a person's request as carried out, here and on the forge (R11). `answer` says how; `comment`
 *   is what a reaction cannot say, posted once.
 */
export type Action =
  | { readonly kind: 'enqueue'; readonly job: Job; readonly generation: number }
  | { readonly kind: 'cancel'; readonly jobId: JobId; readonly reason: CancelReason; readonly by: string }
  | { readonly kind: 'restate'; readonly jobId: JobId }
  | { readonly kind: 'restate-skip'; readonly sha: string; readonly context: string }
  | { readonly kind: 'notice'; readonly sha: string; readonly context: string; readonly notice: Notice | null }
  | { readonly kind: 'approve'; readonly sha: string; readonly by: string; readonly requestId?: string }
  | {
      readonly kind: 'skip';
      readonly sha: string;
      readonly context: string;
      readonly sentence: string;
      readonly isByPolicy?: boolean;
    }
  | {
      readonly kind: 'request-done';
      readonly requestId: string;
      readonly answer?: 'done' | 'refused';
      readonly comment?: string;
    };

/** What a status says that belongs to no job. */
export interface Notice {
  readonly kind: 'needs-approval' | 'nothing-to-run' | 'skipped';
  readonly sentence: string;
  /** Of `skipped`: the policy says so, no person. */
  readonly isByPolicy?: boolean;
}
