import { dirname } from 'node:path';
import type { LogLevel } from '../base/logger.ts';
import type { Limits } from '../core/job.ts';
import type { CheckPolicy, CheckSettings, ProjectPolicy } from '../decide/plan-checks.ts';
import type { SecretReference } from './fields.ts';
import { homeOf, type Environment, type LoadedConfig } from './load.ts';
import type { CheckConfig, Config, ProjectConfig } from './schema.ts';
import { expandPath } from './secrets.ts';
import { statePaths, type StatePaths } from './state-dir.ts';

/** A watched repository, as the forge needs it. Exactly one of `path` (absolute) and `url` is set. */
export interface Project {
  readonly name: string;
  readonly path: string | null;
  readonly url: string | null;
  readonly branches: readonly string[];
  /** Null: the repository's HEAD. */
  readonly mainBranch: string | null;
  readonly isTrustingPulls: boolean;
  /** Null: the forge's own rhythm for a path or an address. */
  readonly pollMs: number | null;
  readonly policy: ProjectPolicy;
}

/** How this machine runs jobs. `slots` and `name` null: the machine decides (half its CPUs; its host name). */
export interface WorkerSettings {
  readonly name: string | null;
  readonly slots: number | null;
  readonly pool: string;
  readonly labels: readonly string[];
  readonly executor: 'auto' | 'podman' | 'docker' | 'process';
  readonly graceMs: number;
  readonly minFreeDiskBytes: number;
  /** Image for jobs of which neither the policy nor the repository names one. */
  readonly defaultContainer: string | null;
}

/** The configuration as the rooms take it: units in the names, paths absolute, defaults filled in. */
export interface Settings {
  readonly paths: StatePaths;
  readonly server: { readonly host: string; readonly port: number; readonly publicUrl: string | null };
  readonly projects: readonly Project[];
  /** The policy of a repository that `up PATH`, `run` or `trigger` brings in without configuration. */
  readonly fallback: CheckSettings;
  readonly worker: WorkerSettings;
  readonly dispatch: { readonly attempts: number };
  readonly logs: { readonly level: LogLevel; readonly flushMs: number };
  readonly secrets: Readonly<Record<string, SecretReference>>;
  readonly retention: { readonly runsMs: number };
}

/** What the command line and environment add to the file. `stateDir` null: the file or the default decides. */
export interface SettingsPlace {
  readonly env: Environment;
  readonly cwd: string;
  readonly stateDir: string | null;
}

/** Turns a checked configuration into what the rooms need. `--state-dir` goes before `$GROUNDCREW_STATE_DIR` and the file. */
export function settingsOf(loaded: LoadedConfig, place: SettingsPlace): Settings {
  const { config } = loaded;
  const home = homeOf(place.env);
  const base = loaded.file === null ? place.cwd : dirname(loaded.file);
  const expand = (path: string | null): string | null => (path === null ? null : expandPath(path, base, home));
  const given = place.stateDir ?? place.env['GROUNDCREW_STATE_DIR'] ?? '';
  const { worker, dispatch, logs, server } = config;
  return {
    paths: statePaths({
      env: place.env,
      stateDir: given === '' ? expand(config.stateDir) : expandPath(given, place.cwd, home),
      storeDir: expand(config.store.dir),
      cacheDir: expand(worker.cacheDir),
    }),
    server: { host: server.host, port: server.port, publicUrl: server.publicUrl?.replace(/\/+$/, '') ?? null },
    projects: config.projects.map((project) => projectOf(project, config, expand)),
    fallback: fallbackSettings(config),
    worker: {
      name: worker.name,
      slots: worker.slots,
      pool: worker.pool,
      labels: worker.labels,
      executor: worker.executor,
      graceMs: worker.grace,
      minFreeDiskBytes: worker.minFreeDisk,
      defaultContainer: config.defaults.container,
    },
    dispatch: { attempts: dispatch.attempts },
    logs: { level: logs.level, flushMs: logs.flush },
    secrets: Object.fromEntries(
      Object.entries(config.secrets).map(([name, reference]) => [
        name,
        'file' in reference ? { file: expandPath(reference.file, base, home) } : reference,
      ]),
    ),
    retention: { runsMs: config.retention.runs },
  };
}

/** A project that no configuration names: everything at its default. */
export function plainProject(settings: Settings, name: string, path: string): Project {
  return {
    name,
    path,
    url: null,
    branches: ['**'],
    mainBranch: null,
    isTrustingPulls: false,
    pollMs: null,
    policy: { repo: name, branches: ['**'], checks: [], fallback: settings.fallback },
  };
}

function projectOf(project: ProjectConfig, config: Config, expand: (path: string | null) => string | null): Project {
  const fallback: CheckSettings = { ...fallbackSettings(config), integration: project.integration };
  return {
    name: project.name,
    path: expand(project.path ?? null),
    url: project.url ?? null,
    branches: project.branches,
    mainBranch: project.mainBranch,
    isTrustingPulls: project.trustPulls,
    pollMs: project.poll,
    policy: {
      repo: project.name,
      branches: project.branches,
      checks: project.checks.map((check) => checkOf(check, fallback)),
      fallback,
    },
  };
}

function fallbackSettings(config: Config): CheckSettings {
  const { env, pool, priority, timeout, network, limits } = config.defaults;
  return {
    command: null,
    container: null,
    env,
    secrets: [],
    needs: [],
    pool,
    priority,
    timeoutMs: timeout,
    network,
    limits: limitsOf(limits),
    integration: 'merge',
    isExclusive: false,
    isManual: false,
  };
}

function checkOf(check: CheckConfig, fallback: CheckSettings): CheckPolicy {
  return {
    context: check.context,
    branches: check.branches,
    command: check.command,
    container: check.container,
    env: { ...fallback.env, ...check.env },
    secrets: check.secrets,
    needs: check.needs,
    pool: check.pool ?? fallback.pool,
    priority: check.priority ?? fallback.priority,
    timeoutMs: check.timeout ?? fallback.timeoutMs,
    network: check.network ?? fallback.network,
    limits: overLimits(check.limits, fallback.limits),
    integration: check.integration ?? fallback.integration,
    isExclusive: check.exclusive,
    isManual: check.manual,
  };
}

function limitsOf(limits: Config['defaults']['limits']): Limits {
  return {
    memoryBytes: limits.memory,
    pids: limits.pids,
    shmBytes: limits.shm,
    cpus: limits.cpus,
    diskBytes: limits.disk,
    logBytes: limits.log,
  };
}

/** Absent means inherited; null means lifted by this check (`none`). */
function overLimits(own: CheckConfig['limits'], inherited: Limits): Limits {
  return {
    memoryBytes: own.memory === undefined ? inherited.memoryBytes : own.memory,
    pids: own.pids === undefined ? inherited.pids : own.pids,
    shmBytes: own.shm === undefined ? inherited.shmBytes : own.shm,
    cpus: own.cpus === undefined ? inherited.cpus : own.cpus,
    diskBytes: own.disk === undefined ? inherited.diskBytes : own.disk,
    logBytes: own.log === undefined ? inherited.logBytes : own.log,
  };
}
