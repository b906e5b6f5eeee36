import type { ExecutorTrial } from '../executors/executor.ts';
import type { Job } from '../core/job.ts';
import type { JobOrder } from '../config/job-file.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { OpenLog, RunWords } from '../web/web-deps.ts';
import type { Project } from '../config/project-settings.ts';
import type { Settings, WorkerSettings } from '../config/settings.ts';
import type { StatePaths } from '../config/state-dir.ts';
import type { CliContext } from './cli-context.ts';
import type { ExitCode } from './exit-code.ts';

/** What `up` and `server` are to do. `isPortFixed`: asked for on the command line, so a taken port is an error. */
export interface ServeOrder {
  readonly settings: Settings;
  readonly projects: readonly Project[];
  readonly host: string;
  readonly port: number;
  readonly isPortFixed: boolean;
  /** How the configuration is read again while the server runs; absent: it stays as it is. */
  readonly renewal?: Renewal;
}

/** The configuration file, or where one would be found, and how to read it as at the start. `read` throws UsageErrors. */
export interface Renewal {
  readonly file: string;
  readonly read: () => Settings;
}

/** What `up` is to do besides. `isExample`: nothing to watch was named, so copy `examples/hello`, commit once, test that. */
export interface UpOrder extends ServeOrder {
  readonly worker: WorkerSettings;
  readonly isExample: boolean;
}

/** What `worker` is to do. */
export interface WorkerOrder {
  readonly settings: Settings;
  readonly worker: WorkerSettings;
}

/**
 * Where the tested commit comes from.
 * - `checkout`: commit `rev` (null: HEAD) of the repository at `dir`.
 * - `order`: a job file; its repository is a project's name, a path or an address.
 * - `repeat`: a finished run again: this job, merged onto `baseSha`, in the image with this digest (null: as the job says).
 */
export type RunSource =
  | { readonly kind: 'checkout'; readonly dir: string; readonly rev: string | null }
  | { readonly kind: 'order'; readonly order: JobOrder }
  | {
      readonly kind: 'repeat';
      readonly job: Job;
      readonly baseSha: string | null;
      readonly testedSha: string | null;
      readonly imageDigest: string | null;
      /** Null: not a project of this configuration any more. */
      readonly project: Project | null;
    };

/** What `run` and `reproduce` are to do. Null: the repository, the configuration or the default decides. */
export interface RunOrder {
  readonly settings: Settings;
  readonly source: RunSource;
  readonly executor: WorkerSettings['executor'];
  readonly context: string | null;
  readonly command: readonly string[] | null;
  readonly container: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number | null;
  readonly network: 'default' | 'none' | null;
  /** Directory that gets the attachments; null: under the state directory. */
  readonly attachmentsDir: string | null;
}

/** What was done, or in a dry run would be, to one hook file. */
export interface HookChange {
  readonly path: string;
  readonly action: 'created' | 'extended' | 'renewed' | 'unchanged' | 'removed' | 'absent';
}

/** How to change a repository's hooks. */
export interface HookOrder {
  readonly settings: Settings;
  readonly dir: string;
  readonly isDryRun: boolean;
  /** Put our lines into hooks of others that are there already; else they are refused. */
  readonly isAppending: boolean;
}

/** What a forge says of how we are set up there. `isLesser`: it works without, only worse. */
export interface ForgeFinding {
  readonly ok: boolean;
  readonly what: string;
  readonly remedy: string | null;
  readonly isLesser?: boolean;
}

/** What a trial of a store found. */
export interface StoreFinding {
  /** Its place in the configuration. */
  readonly name: string;
  readonly isMirror: boolean;
  /** Null: it can be used. */
  readonly code: string | null;
  readonly what: string;
}

/** Who may come to the broker. `isRevoking`: only what takes rights away is done. */
export interface BrokerOrder {
  readonly settings: Settings;
  readonly members: {
    readonly server: string;
    readonly workers: readonly { readonly name: string; readonly pools: readonly string[] }[];
    readonly revoked: readonly string[];
  };
  readonly isRevoking: boolean;
  readonly isDryRun: boolean;
}

/** Something at the broker that is, or was, not as it should be. `remedy`: what a person has to do; null: we do it. */
export interface BrokerNews {
  readonly what: string;
  readonly remedy: string | null;
}

/** The house as the commands use it; made in `wire.ts`, faked in tests. All of it is loaded only when a command asks. */
export interface Wiring {
  /** Opens the ledger read-only, also while a server runs; null when there is none yet. */
  openReader(paths: StatePaths): Promise<LedgerReader | null>;
  /** Reads logs of attempts from the object store. */
  openLogs(settings: Settings, context: Pick<CliContext, 'env'>): Promise<OpenLog>;
  readonly words: RunWords;
  /** Serves and works until `signal` aborts. */
  up(order: UpOrder, context: CliContext): Promise<ExitCode>;
  server(order: ServeOrder, context: CliContext): Promise<ExitCode>;
  worker(order: WorkerOrder, context: CliContext): Promise<ExitCode>;
  /** Runs one job here, streaming its log to stdout, with a summary on stderr. */
  run(order: RunOrder, context: CliContext): Promise<ExitCode>;
  /** Tries every executor of this machine. */
  trials(
    settings: Settings,
    signal: AbortSignal,
  ): Promise<readonly { readonly executor: 'podman' | 'docker' | 'process'; readonly trial: ExecutorTrial }[]>;
  /** What is set up for us at a forge, and what is missing; nothing is changed there. */
  checkForge(
    settings: Settings,
    forge: string,
    context: Pick<CliContext, 'env'>,
    signal: AbortSignal,
  ): Promise<readonly ForgeFinding[]>;
  /** Whether the stores can be used, by trying each; the first is the one that everything goes to. */
  checkStores(settings: Settings, context: Pick<CliContext, 'env'>): Promise<readonly StoreFinding[]>;
  /** Whether the broker of the configuration can be used as it must be; nothing is changed there. None: the queue is embedded. */
  checkBroker(
    settings: Settings,
    context: Pick<CliContext, 'env' | 'version'>,
    signal: AbortSignal,
  ): Promise<readonly ForgeFinding[]>;
  /**
   * Compares the broker with who may come to it, and mends what is not so, unless it is a dry run.
   * @throws UsageError `cli/no-broker`; GroundcrewError `queue/no-management`
   */
  tendBroker(order: BrokerOrder, context: Pick<CliContext, 'env'>): Promise<readonly BrokerNews[]>;
  hasHook(order: Pick<HookOrder, 'settings' | 'dir'>): Promise<boolean>;
  installHook(order: HookOrder): Promise<readonly HookChange[]>;
  removeHook(order: HookOrder): Promise<readonly HookChange[]>;
}

/** What a command has: the process, and the house behind it, which is loaded when first asked for. */
export interface CommandContext extends CliContext {
  wiring(): Promise<Wiring>;
}
