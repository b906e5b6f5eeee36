import type { CancelReason, Phase } from '../core/outcome.ts';
import type { Finished, Holding, Sealed } from '../core/worker-message.ts';
import type { AttemptGrants } from './grants.ts';

/** Why an attempt is to stop before its end. `leaving`: this worker goes; its job may run elsewhere. */
export type StopRequest =
  { readonly kind: 'cancel'; readonly reason: CancelReason; readonly by: string } | { readonly kind: 'leaving' };

/** What ties an attempt to its worker while it goes on. */
export interface AttemptProgress {
  phase(phase: Phase): void;
  /** Bytes of log so far. `isAnnounced`: readers wait for them, so the server is told at once. */
  logBytes(bytes: number, isAnnounced?: boolean): void;
  /** What the server gave to this attempt. Absent: its order asks for nothing (`JobEnvelope.grants`). */
  readonly grants?: AttemptGrants;
}

/** How an attempt came out, as `finished` carries it. */
export type AttemptEnd = Pick<
  Finished,
  'outcome' | 'startedAt' | 'endedAt' | 'testedSha' | 'imageDigest' | 'peakMemoryBytes' | 'oom'
>;

/** What `sealed` carries. */
export type AttemptSeal = Pick<Sealed, 'logSha256' | 'logBytes' | 'isTruncated'>;

/** A running attempt in the hands of the worker loop. */
export interface RunningAttempt {
  /** Resolves when the job is over and its output complete; never rejects. The log may not be in the store yet. */
  readonly ended: Promise<AttemptEnd>;
  /** First request wins; SIGTERM within 2 s, then grace. Harmless after the end. */
  stop(request: StopRequest): void;
  /** Somebody looks at its log: for so long send it often. */
  watch?(forMs: number): void;
  /** Brings log, attachments and run record to the store; null when `signal` aborted first, or there never was a log. After `ended`. */
  seal(signal: AbortSignal): Promise<AttemptSeal | null>;
  /** Removes everything that is left on this machine. After `finished` is spooled; twice is harmless. */
  cleanup(): Promise<void>;
}

/**
 * Runs one attempt on this machine: checkout, container, log. What it keeps on disk survives a crash of the worker;
 * `adopt` finds it again.
 */
export interface AttemptRunner {
  /** Why this machine can take no job now, whichever (one line); null when it can. */
  refusal(): Promise<string | null>;
  /** Makes the holding durable, so that `adopt` knows it; called before the order is acknowledged (R2). */
  prepare(holding: Holding): Promise<void>;
  /** Undoes `prepare` when the claim came to nothing. */
  forget(holding: Holding): Promise<void>;
  start(holding: Holding, progress: AttemptProgress): RunningAttempt;
  /** Holdings of an earlier life of this worker, with a way to go on; what cannot be resumed is removed and not listed. */
  adopt(
    progressOf: (holding: Holding) => AttemptProgress,
  ): Promise<readonly { readonly holding: Holding; readonly attempt: RunningAttempt }[]>;
}
