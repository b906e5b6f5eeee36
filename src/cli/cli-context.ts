import type { Clock } from '../base/clock.ts';
import type { Environment } from '../config/load.ts';
import type { Terminal } from './output/terminal.ts';

/** All that a command touches of the process. Only `main.ts` makes a real one. */
export interface CliContext {
  readonly env: Environment;
  readonly cwd: string;
  /** What was asked for: lists, logs, JSON. */
  readonly out: Terminal;
  /** What is said beside it: progress, warnings, errors. */
  readonly err: Terminal;
  readonly clock: Clock;
  /** Who acts, for the record. */
  readonly user: string;
  readonly version: string;
  /** From the first call on, SIGINT and SIGTERM abort this signal instead of ending the process; a second one ends it. */
  interruption(): AbortSignal;
  /** Until the returned function is called, SIGINT and SIGTERM call this instead of aborting `interruption()`. Absent: they abort. */
  onStop?(listener: () => void): () => void;
  /** Calls at each SIGHUP, which ends the process no more; returns how to stop that. Absent: nothing tells of it. */
  onHangup?(listener: () => void): () => void;
}
