import { dirname } from 'node:path';
import type { LogLevel } from '../base/logger.ts';
import type { CheckSettings } from '../decide/plan-checks.ts';
import type { SecretReference } from './fields.ts';
import { forgeReferences, forgeSettings, type ForgeSettings } from './forge-settings.ts';
import { homeOf, type Environment, type LoadedConfig } from './load.ts';
import { fallbackSettings, projectOf, type Project } from './project-settings.ts';
import { queueReferences, queueSettings, type QueueSettings } from './queue-settings.ts';
import { absoluteReference, expandPath } from './secrets.ts';
import { signingKeyReferences } from './signing-keys.ts';
import { statePaths, type StatePaths } from './state-dir.ts';
import { storeReferences, storeSettings, type StoreSettings } from './store-settings.ts';

/** How this machine runs jobs. `slots` and `name` null: the machine decides (`slotsOf`; its host name). */
export interface WorkerSettings {
  readonly name: string | null;
  readonly slots: number | null;
  readonly pool: string;
  readonly labels: readonly string[];
  readonly executor: 'auto' | 'podman' | 'docker' | 'process';
  /** `host` or `host:port`. */
  readonly reach: readonly string[];
  readonly graceMs: number;
  readonly onTerm: 'drain' | 'keep';
  readonly drainMs: number;
  readonly maxUnsentBytes: number;
  readonly minFreeDiskBytes: number;
  /** Image for jobs of which neither the policy nor the repository names one. */
  readonly defaultContainer: string | null;
}

/** The configuration as the rooms take it: units in the names, paths absolute, defaults filled in. */
export interface Settings {
  readonly paths: StatePaths;
  readonly store: StoreSettings;
  readonly server: { readonly host: string; readonly port: number; readonly publicUrl: string | null };
  readonly forges: readonly ForgeSettings[];
  readonly projects: readonly Project[];
  /** The policy of a repository that `up PATH`, `run` or `trigger` brings in without configuration. */
  readonly fallback: CheckSettings;
  readonly queue: QueueSettings;
  readonly worker: WorkerSettings;
  readonly dispatch: { readonly attempts: number; readonly signingKeys: readonly SecretReference[] };
  /** `flushMs` null: as the store is, see `StreamPace`. */
  readonly logs: { readonly level: LogLevel; readonly flushMs: number | null };
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
  const within = (path: string): string => expandPath(path, base, home);
  const expand = (path: string | null): string | null => (path === null ? null : within(path));
  const given = place.stateDir ?? place.env['GROUNDCREW_STATE_DIR'] ?? '';
  const { worker, dispatch, logs, server } = config;
  const paths = statePaths({
    env: place.env,
    stateDir: given === '' ? expand(config.stateDir) : expandPath(given, place.cwd, home),
    storeDir: expand(config.store.dir),
    cacheDir: expand(worker.cacheDir),
  });
  const store = storeSettings(config.store, {
    dir: paths.storeDir,
    expand: within,
  });
  return {
    paths,
    store,
    server: { host: server.host, port: server.port, publicUrl: server.publicUrl?.replace(/\/+$/, '') ?? null },
    forges: forgeSettings(config.forges, within),
    projects: config.projects.map((project) => projectOf(project, config, expand)),
    fallback: fallbackSettings(config),
    queue: queueSettings(config.queue, within),
    worker: {
      name: worker.name,
      slots: worker.slots,
      pool: worker.pool,
      labels: worker.labels,
      executor: worker.executor,
      reach: worker.reach,
      graceMs: worker.grace,
      onTerm: worker.onTerm,
      drainMs: worker.drain,
      maxUnsentBytes: worker.maxUnsent,
      minFreeDiskBytes: worker.minFreeDisk,
      defaultContainer: config.defaults.container,
    },
    dispatch: {
      attempts: dispatch.attempts,
      signingKeys: dispatch.signingKeys.map((reference) => absoluteReference(reference, within)),
    },
    logs: { level: logs.level, flushMs: logs.flush },
    secrets: Object.fromEntries(
      Object.entries(config.secrets).map(([name, reference]) => [name, absoluteReference(reference, within)]),
    ),
    retention: { runsMs: config.retention.runs },
  };
}

/** Every reference to a secret, of jobs by name, of forges, queue and stores by key path; for checks. */
export function allReferences(settings: Settings): Readonly<Record<string, SecretReference>> {
  return {
    ...settings.secrets,
    ...forgeReferences(settings.forges),
    ...queueReferences(settings.queue),
    ...storeReferences(settings.store),
    ...signingKeyReferences(settings.dispatch),
  };
}

/** A project that no configuration names: everything at its default. */
export function plainProject(settings: Settings, name: string, path: string): Project {
  return {
    name,
    path,
    url: null,
    forge: null,
    branches: ['**'],
    mainBranch: null,
    trust: { users: [], organisations: [], teams: [], permission: 'none' },
    isTrustingPulls: false,
    pollMs: null,
    policy: { repo: name, branches: ['**'], checks: [], fallback: settings.fallback },
  };
}
