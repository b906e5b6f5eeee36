import type { Clock } from '../base/clock.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ProjectPolicy } from '../decide/plan-checks.ts';
import { watchFile } from './file-watch.ts';
import type { Project } from './project-settings.ts';
import { canonical, changedProjects, placeOf, policyVersion, type ProjectPlace } from './policy-version.ts';
import type { Settings } from './settings.ts';

/** How the policy stands, for pages, metrics and `config check`. Times are epoch ms. */
export interface PolicyState {
  /** See `policyVersion`. */
  readonly version: string;
  /** Since when this version is in force. */
  readonly since: number;
  /** What is wrong with the file as it is now, a line for each mistake; null: it is what is in force. */
  readonly problem: string | null;
  /** Sections of the file that were changed since the start and count only after the next. */
  readonly needsRestart: readonly string[];
}

/** The projects as the configuration file says now; an edit is taken without a restart, a wrong one is not. */
export interface LivePolicy {
  projects(): readonly Project[];
  /** The whole configuration as it was last found valid. */
  settings(): Settings;
  /** Null: no such project. */
  policyOf(forge: string, repo: string): ProjectPolicy | null;
  state(): PolicyState;
  /** Hears of the projects that are new, gone or different after each edit; returns how to stop hearing. */
  onChange(listener: (changed: readonly ProjectPlace[]) => void): () => void;
  /** Reads the file now (SIGHUP). */
  reload(): void;
  /** Watches the file until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
}

export interface LivePolicyOptions {
  readonly initial: Settings;
  /** The file that was read at the start, or where one would be found; null: there is nothing to watch. */
  readonly file: string | null;
  /** Reads and checks the configuration anew. @throws UsageError */
  readonly read: () => Settings;
  /** Projects that the command line named; a configured one of the same name goes before. */
  readonly extra: readonly Project[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Holds the policy and renews it. Everything that a decision needs is replaced as a whole, between two decisions; nobody ever
 * sees half an edit.
 */
export function createLivePolicy(options: LivePolicyOptions): LivePolicy {
  const { initial, clock, logger } = options;
  let settings = initial;
  let projects = joined(initial.projects, options.extra);
  let byPlace = indexed(projects);
  let state: PolicyState = { version: policyVersion(projects), since: clock.now(), problem: null, needsRestart: [] };
  const listeners = new Set<(changed: readonly ProjectPlace[]) => void>();

  const refuse = (problem: string): void => {
    if (problem === state.problem) return;
    state = { ...state, problem };
    const lines = problem.split('\n');
    logger.error('the configuration is wrong; the one of before stays in force', {
      version: state.version,
      problem: lines[0] ?? '',
      ...(lines.length > 1 ? { more: lines.length - 1 } : {}),
    });
  };

  const take = (next: Settings): void => {
    const wasWrong = state.problem !== null;
    const after = joined(next.projects, options.extra);
    const changed = changedProjects(projects, after);
    const needsRestart = restartSections(initial, next);
    if (needsRestart.join() !== state.needsRestart.join() && needsRestart.length > 0) {
      logger.warn('changes that count only after a restart', { sections: needsRestart.join(', ') });
    }
    const version = policyVersion(after);
    const since = version === state.version ? state.since : clock.now();
    settings = next;
    projects = after;
    byPlace = indexed(after);
    state = { version, since, problem: null, needsRestart };
    // As loud as the trouble was: whoever read of that one has to read of its end.
    if (wasWrong) logger.warn('the configuration is right again', { version });
    if (changed.length === 0) return;
    logger.info('the configuration was taken', {
      version,
      projects: changed.length,
      first: changed[0]?.repo ?? '',
    });
    for (const listener of [...listeners]) listener(changed);
  };

  const reload = (): void => {
    let next: Settings;
    try {
      next = options.read();
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      refuse(error.message);
      return;
    }
    // A full disk or a tool that writes in place leaves an empty file: no wish to test nothing, either.
    if (next.projects.length === 0 && settings.projects.length > 0) {
      refuse(`${options.file ?? 'the configuration'}: no project is left in it; if that is meant, restart`);
      return;
    }
    take(next);
  };

  return {
    projects: () => projects,
    settings: () => settings,
    policyOf: (forge, repo) => byPlace.get(`${forge}|${repo}`)?.policy ?? null,
    state: () => state,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload,
    async watch(signal) {
      const { file } = options;
      if (file === null) return;
      await watchFile({ file, clock, signal }, (isThere) => {
        // An editor may be between removing and renaming; and a file that is gone is no wish to test nothing.
        if (isThere) reload();
        else refuse(`${file}: there is no such file any more`);
      });
    },
  };
}

function joined(configured: readonly Project[], extra: readonly Project[]): readonly Project[] {
  const names = new Set(configured.map(({ name }) => name));
  const paths = new Set(configured.flatMap(({ path }) => (path === null ? [] : [path])));
  return [...configured, ...extra.filter(({ name, path }) => !names.has(name) && (path === null || !paths.has(path)))];
}

function indexed(projects: readonly Project[]): ReadonlyMap<string, Project> {
  return new Map(
    projects.map((project) => {
      const { forge, repo } = placeOf(project);
      return [`${forge}|${repo}`, project];
    }),
  );
}

/** Sections whose rooms are opened once, at the start. The secrets of webhooks are read at each delivery. */
function restartSections(started: Settings, now: Settings): readonly string[] {
  const sections = (settings: Settings): Readonly<Record<string, unknown>> => ({
    'stateDir and worker.cacheDir': settings.paths,
    store: settings.store,
    server: settings.server,
    forges: settings.forges.map((forge) => ({ ...forge, webhookSecrets: [] })),
    worker: settings.worker,
    dispatch: settings.dispatch,
    logs: settings.logs,
    secrets: settings.secrets,
    retention: settings.retention,
  });
  const [before, after] = [sections(started), sections(now)];
  return Object.keys(before).filter((name) => canonical(before[name]) !== canonical(after[name]));
}
