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

/** Why nobody wants the result any more. `person` carries who in `by`. */
export type CancelReason = 'superseded' | 'closed' | 'person' | 'withdrawn';

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

/** A verdict of the change's own doing, which closes a job (R4). */
export function isVerdict(outcome: Outcome): boolean {
  return outcome.kind === 'passed' || outcome.kind === 'failed' || outcome.kind === 'timed-out';
}
