import type { Limits } from '../core/job.ts';
import type { TrustRule } from '../core/trust-rule.ts';
import type { CheckPolicy, CheckSettings, ProjectPolicy } from '../decide/plan-checks.ts';
import { contextsOf, type CheckConfig } from './check-options.ts';
import type { ProjectConfig } from './project-options.ts';
import type { Config } from './schema.ts';

/** The name of the forge that stands for plain git repositories. */
export const gitForgeName = 'git';

/** A watched repository, as the forge needs it. Exactly one of `path` (absolute), `url` and `forge` (its name) is set. */
export interface Project {
  readonly name: string;
  readonly path: string | null;
  readonly url: string | null;
  readonly forge: string | null;
  readonly branches: readonly string[];
  /** Null: the repository's HEAD. */
  readonly mainBranch: string | null;
  /** With `forge`. */
  readonly trust: TrustRule;
  /** Without `forge`. */
  readonly isTrustingPulls: boolean;
  /** Null: the forge's own rhythm for a path or an address. */
  readonly pollMs: number | null;
  readonly policy: ProjectPolicy;
}

/** What a project of a forge watches when it does not say: every branch would be the work of every robot twice. */
const forgeBranches = ['main', 'master'];

/** One project with the defaults in every check, and products written out. */
export function projectOf(
  project: ProjectConfig,
  config: Config,
  expand: (path: string | null) => string | null,
): Project {
  const branches = project.branches ?? (project.forge === undefined ? ['**'] : forgeBranches);
  const fallback: CheckSettings = { ...fallbackSettings(config), integration: project.integration };
  return {
    name: project.name,
    path: expand(project.path ?? null),
    url: project.url ?? null,
    forge: project.forge ?? null,
    branches,
    mainBranch: project.mainBranch,
    trust: project.trust,
    isTrustingPulls: project.trustPulls,
    pollMs: project.poll,
    policy: {
      repo: project.name,
      branches,
      checks: project.checks.flatMap((check) => contextsOf(check).map((context) => checkOf(context, check, fallback))),
      fallback,
      noTest: project.noTest,
      testsDrafts: project.drafts,
      reportsIssues: project.issues,
      schedules: project.schedules.map(({ issue, ...schedule }) => ({ ...schedule, reportsIssue: issue })),
      botsRepo: project.botsRepo,
    },
  };
}

/** What a check is before it says anything. */
export function fallbackSettings(config: Config): CheckSettings {
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

function checkOf(context: string, check: CheckConfig, fallback: CheckSettings): CheckPolicy {
  return {
    context,
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
    paths: check.paths,
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
