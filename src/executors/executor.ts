import type { Limits } from '../core/job.ts';

/** Everything needed to run one attempt. Paths are absolute on this machine. */
export interface RunSpec {
  /** Unique for ever, fit for container and file names: `[a-z0-9._-]{1,120}`. */
  readonly id: string;
  /** 16 hex digits, in the environment of every process of the attempt as `GROUNDCREW_NONCE`, by which the sweep finds them. */
  readonly nonce: string;
  /** Container image; null for an executor that needs none. */
  readonly image: string | null;
  /** argv; the first word is a path in the checkout or found in PATH. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Directory with the checkout: the job's working directory, writable. */
  readonly checkoutDir: string;
  /** Empty directory where the job leaves files (`TEST_ATTACHMENTS`). */
  readonly attachmentsDir: string;
  /** Private to this attempt; the executor keeps output, exit status and notes here. Survives a restart of the worker. */
  readonly stateDir: string;
  /** Files with secrets to show to the job, by name: mounted or copied where only it can read them. */
  readonly secretFiles: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly needsKvm: boolean;
  readonly network: 'default' | 'none';
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

/** What became of memory: `unknown` when the evidence was missed, never a guessed `no`. */
export type OomEvidence = 'yes' | 'no' | 'unknown';

/** Why the executor itself stopped the job, if it did. */
export type StopCause = 'timeout' | 'stopped';

/** How a run ended. `exitCode` is 128 + signal for a death by signal. */
export type RunEnd =
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly stoppedBy: StopCause | null;
      readonly oom: OomEvidence;
      readonly peakMemoryBytes: number | null;
      readonly startedAt: number;
      readonly endedAt: number;
    }
  /** The command never started, or its end is unknowable. `isChangesFault`: only the change can mend it (an image that it names and the registry does not know). */
  | {
      readonly kind: 'broken';
      readonly cause: 'image-pull' | 'executor' | 'unknown-image';
      readonly detail: string;
      readonly isChangesFault: boolean;
    };

/** A started (or adopted) run. */
export interface Run {
  readonly id: string;
  /** The image as it was, by digest (`registry/path@sha256:…`): what `image` takes to run the same again. Null without one. */
  readonly imageDigest: string | null;
  /**
   * The joined stdout and stderr from byte `offset` of the whole output, until the end of output; byte-exact also over a
   * restart of the worker. One reader at a time. Back-pressure reaches the job.
   */
  output(offset: number): AsyncIterable<Uint8Array>;
  /** SIGTERM to the job, SIGKILL after `graceMs`, then everything that carries the nonce. Resolves when it is dead. Twice is harmless. */
  stop(graceMs: number): Promise<void>;
  /** Resolves once, when the job has ended and its output is complete. Never rejects. */
  wait(): Promise<RunEnd>;
  /** Directories outside of the spec's that the job fills: a container's own layer. Empty before it runs. */
  diskDirs?(): Promise<readonly string[]>;
  /** Removes container, cgroup and left-over processes; not the directories of the spec. Twice is harmless, also after a crash. */
  cleanup(): Promise<void>;
}

/** What a trial at start found; shown by `doctor`. */
export interface ExecutorTrial {
  readonly isUsable: boolean;
  /** One line: the runtime and settings that worked, or why none did. */
  readonly finding: string;
  readonly tookMs: number;
}

/**
 * Runs jobs in isolation of some strength. A job ends by itself at time-out + grace even if we are dead, and what it
 * wrote is still there. Contract suite: `executor.contract.ts`.
 */
export interface Executor {
  readonly name: 'podman' | 'docker' | 'process';
  /** False: a stranger's unapproved change must not run here. */
  readonly isIsolating: boolean;
  /** Proves by running something that this executor works here; remembers what worked. */
  trial(signal: AbortSignal): Promise<ExecutorTrial>;
  /** What an earlier trial found that still holds, as far as can be told without running anything; null: unknown. */
  recall?(): Promise<ExecutorTrial | null>;
  /**
   * Starts a run. `progress` hears lines for the log (image pull) before any output.
   * A start that fails gives a Run whose `wait` says `broken`; only misuse throws.
   */
  start(spec: RunSpec, progress: (line: string) => void, signal: AbortSignal): Promise<Run>;
  /** The run that an earlier process of this worker started from this spec, running or ended but not cleaned up; null when there is none. */
  adopt(spec: RunSpec): Promise<Run | null>;
  /** Ends and removes every run of this worker's executor that is not in `keep` (ids). Returns what it removed. */
  sweep(keep: ReadonlySet<string>): Promise<readonly string[]>;
}
