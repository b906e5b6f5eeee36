/** How far an attempt had come; until `running` any failure is the machinery's (the proof rule). */
export type Phase = 'claimed' | 'checkout' | 'starting' | 'running' | 'saving';

/** Why the change itself failed when it was not its command's exit status. */
export type FailureReason =
  | 'exit'
  | 'merge-conflict'
  | 'container-file'
  | 'unknown-image'
  | 'nothing-to-run'
  | 'disk-limit'
  | 'log-limit'
  | 'out-of-memory';

/** Why the machinery could not bring an attempt to its end. */
export type BrokenCause =
  | 'lost'
  | 'gave-back'
  | 'checkout'
  | 'image-pull'
  | 'executor'
  | 'disk'
  | 'store'
  | 'poison'
  | 'worker-restart'
  | 'refused'
  | 'internal';

/**
 * Why nobody wants the result any more. `by` says more: of `person` who; of `superseded` the new commit; of `untrusted` whose
 * change it is; of `policy` what the configuration does not have any more, `check` or `project`.
 */
export type CancelReason = 'superseded' | 'closed' | 'untrusted' | 'policy' | 'person' | 'withdrawn';

/**
 * How an attempt, and in the end a job, came out.
 * `passed`, `failed` and `timed-out` are the change's and final; `broken` is the machinery's and retried by plan;
 * `canceled` is nobody's. `detail` is one line for people, without control characters.
 */
export type Outcome =
  | { readonly kind: 'passed' }
  | {
      readonly kind: 'failed';
      readonly exitCode: number | null;
      readonly reason: FailureReason;
      readonly detail?: string;
    }
  | { readonly kind: 'timed-out'; readonly afterMs: number }
  | { readonly kind: 'canceled'; readonly reason: CancelReason; readonly by: string }
  | { readonly kind: 'broken'; readonly cause: BrokenCause; readonly phase: Phase; readonly detail?: string };

/** Canceled as things stood, not by a person: no verdict, and wanted again when they stand as before (R13). */
export function isNoVerdict(outcome: Outcome | null): boolean {
  return outcome?.kind === 'canceled' && noVerdicts.includes(outcome.reason);
}

const noVerdicts: readonly CancelReason[] = ['superseded', 'closed', 'untrusted', 'policy'];

/** A verdict of the change's own doing, which closes a job (R4). */
export function isVerdict(outcome: Outcome): boolean {
  return outcome.kind === 'passed' || outcome.kind === 'failed' || outcome.kind === 'timed-out';
}
