/**
 * Where a job's log goes while it grows. The bytes stand in a file of the worker's disk; a sink copies what is new,
 * by byte offset. A failing sink never fails, blocks or bloats a job: it tells `onTrouble` once, and catches up later.
 * Contract suite: `log-sink.contract.ts`.
 */
export interface LogSink {
  /** The file has grown to `sizeBytes` (monotonic); cheap, never throws, may do nothing until later. */
  grew(sizeBytes: number): void;
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
