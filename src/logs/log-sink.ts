import type { Clock } from '../base/clock.ts';

/**
 * Where a job's log goes while it grows. The bytes stand in a file of the worker's disk; a sink copies what is new,
 * by byte offset. A failing sink never fails, blocks or bloats a job: it tells `onTrouble` once, and catches up later.
 * Contract suite: `log-sink.contract.ts`.
 */
export interface LogSink {
  /** The file has grown to `sizeBytes` (monotonic); cheap, never throws, may do nothing until later. */
  grew(sizeBytes: number): void;
  /** Somebody looks at the log: for `forMs` from now copy what is new each second, and say so. Absent: it is as fast anyway. */
  watched?(forMs: number): void;
  /**
   * The file is complete. Resolves when the sink holds exactly its bytes; retries until `signal` aborts.
   * May be called again after it rejected, also by a later process on the same file.
   */
  seal(total: SealedLog, signal: AbortSignal): Promise<void>;
}

/** A complete log: its size in bytes and SHA-256 in hex. */
export interface SealedLog {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Where a job's log is written, and under what terms. */
export interface JobLogOptions {
  /** The attempt's own directory; `log` and `log.checkpoint` are kept there. */
  readonly dir: string;
  /** Values that must not be seen in the log. The same after a restart. */
  readonly secrets: readonly Uint8Array[];
  /** The most that the job may write, redacted; null: no limit. Our own lines do not count. */
  readonly limitBytes: number | null;
  readonly clock: Clock;
  /**
   * So long a new log is not checkpointed and `onGrew` not called, unless `hurry` is: after a kill of the worker it then begins
   * again, from the job's first byte. Most jobs of no interest are over by then. Default: 0.
   */
  readonly calmMs?: number;
  /** The file has so many bytes that will not change any more, whatever happens to us; for the sinks. */
  readonly onGrew: (sizeBytes: number) => void;
  /** The job wrote past the limit: the rest is dropped, and the job should be stopped. Called once, also after a restart. */
  readonly onLimit: () => void;
}

/** A log that is over. */
export interface CompleteLog extends SealedLog {
  readonly isTruncated: boolean;
}

/**
 * The worker's own copy of a job's log. Memory is bounded whatever the job prints. After `kill -9` of the worker it is
 * opened again, and goes on so that no byte is lost or doubled: give it the job's output from `outputOffset` on.
 */
export interface JobLog extends AsyncDisposable {
  readonly file: string;
  /** Raw bytes of the job's output that are dealt with for good. */
  readonly outputOffset: number;
  readonly sizeBytes: number;
  readonly isTruncated: boolean;
  /** An earlier life brought it to its end: nothing is to be added. */
  readonly wasFinished: boolean;
  /**
   * Takes the job's next bytes; they must not change afterwards. Resolves when there is room for more.
   * @throws GroundcrewError `logs/cannot-write`; the bytes are kept, and written with the next call if the disk permits.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Adds `[groundcrew] <line>` at the next line border, or soon with a line break of its own. Never throws. */
  note(line: string): void;
  /** Somebody reads along: what is there may be copied now. */
  hurry(): void;
  /** What was said so far is in the file, and stays there after a kill. @throws GroundcrewError `logs/cannot-write` */
  settle(): Promise<void>;
  /** The job's output is over. The file is complete and on the disk. @throws GroundcrewError `logs/cannot-write` */
  finish(): Promise<CompleteLog>;
  /** Closes the file, complete or not. Twice is harmless. */
  close(): Promise<void>;
}

/** Opens the log in `dir`, new or as a killed worker left it; `openJobLog` is handed to the worker as this. */
export type OpenJobLog = (options: JobLogOptions) => Promise<JobLog>;
