import { parseContext } from '../core/check-context.ts';
import type { Integration, Limits } from '../core/job.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import type { Subject } from '../core/subject.ts';
import { createBranchFilter } from './branch-pattern.ts';
import type { PathFilter } from './path-filter.ts';
import type { SchedulePolicy } from './schedule-policy.ts';

/** How a check runs, once all defaults are filled in. */
export interface CheckSettings {
  readonly command: readonly string[] | null;
  /** An image that overrules the repository's own container file; null: that file decides. */
  readonly container: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly needs: readonly string[];
  readonly pool: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly network: 'default' | 'none';
  readonly limits: Limits;
  readonly integration: Integration;
  readonly isExclusive: boolean;
  readonly isManual: boolean;
}

/** One check of a project's policy. `branches` are patterns (`createBranchFilter`) over the branch that a change is meant for. */
export interface CheckPolicy extends CheckSettings {
  readonly context: string;
  readonly branches: readonly string[];
  /** Only for pull requests that change such files; null or absent: for all. */
  readonly paths?: PathFilter | null;
}

/** What a pull request says that must not be tested: this label, or this piece of its title; null: neither. */
export interface NoTestRule {
  readonly label: string | null;
  readonly title: string | null;
}

/** What a project's people want tested. Without checks there is one, named `test`, with `fallback`. */
export interface ProjectPolicy {
  readonly repo: string;
  /** Patterns of the branches that are watched; pull requests count as the branch that they are meant for. */
  readonly branches: readonly string[];
  readonly checks: readonly CheckPolicy[];
  readonly fallback: CheckSettings;
  /** Absent: nothing that a pull request says keeps it from being tested. */
  readonly noTest?: NoTestRule;
  /** False: a draft waits until it is ready. Absent: drafts are tested. */
  readonly testsDrafts?: boolean;
  /** A failure on a watched branch opens an issue, and the next success closes it. Absent: no. */
  readonly reportsIssues?: boolean;
  readonly schedules?: readonly SchedulePolicy[];
  /** The repository, on the same forge, whose pull requests `@bots#N` names. Absent: such a context cannot be resolved. */
  readonly botsRepo?: string;
}

/** The context of a project that lists no checks. */
export const fallbackContext = 'test';

/** The change to plan for, and the resolved subjects of contexts whose tests live in another repository. */
export interface PlanInput {
  readonly policy: ProjectPolicy;
  readonly subject: Subject;
  readonly commandSubjects: ReadonlyMap<string, Subject>;
}

/** Contexts of the plan that name another repository: resolve each to a commit before `planChecks`. */
export function foreignContexts(policy: ProjectPolicy, baseRef: string): readonly string[] {
  return wanted(policy, baseRef)
    .map((check) => check.context)
    .filter((context) => (parseContext(context)?.foreign ?? null) !== null);
}

/**
 * The checks that the policy wants for a change. A context whose foreign repository is not resolved is left out: testing
 * something else in its name would be worse than testing it at the next look. Empty: this branch is not tested.
 */
export function planChecks(input: PlanInput): readonly PlannedCheck[] {
  return wanted(input.policy, input.subject.baseRef).flatMap((check) => {
    const parsed = parseContext(check.context);
    const commandSubject = input.commandSubjects.get(check.context) ?? null;
    if (parsed === null || (parsed.foreign !== null && commandSubject === null)) return [];
    const { context, command, container, secrets, needs, pool, priority, timeoutMs, network, limits, integration } =
      check;
    return [
      {
        context,
        command,
        container,
        env: { ...contextEnv(context), ...check.env, ...subjectEnv(input.subject) },
        secrets,
        needs,
        pool,
        priority,
        timeoutMs,
        network,
        limits,
        integration,
        exclusive: check.isExclusive,
        commandSubject,
        isManual: check.isManual,
      },
    ];
  });
}

function wanted(policy: ProjectPolicy, baseRef: string): readonly CheckPolicy[] {
  if (!createBranchFilter(policy.branches)(baseRef)) return [];
  if (policy.checks.length === 0) return [{ ...policy.fallback, context: fallbackContext, branches: [] }];
  const contexts = new Set<string>();
  return policy.checks.filter((check) => {
    if (contexts.has(check.context) || !createBranchFilter(check.branches)(baseRef)) return false;
    contexts.add(check.context);
    return true;
  });
}

/**
 * What a context tells its job, in the variables that Cockpit's tests read (`tests-scan` in cockpit-project/bots). The
 * configuration may say otherwise. `COCKPIT_BOTS_REF` is something to fetch from the bots repository.
 */
export function contextEnv(context: string): Readonly<Record<string, string>> {
  const parsed = parseContext(context);
  if (parsed === null) return {};
  return {
    TEST_OS: parsed.image,
    ...(parsed.scenario === null ? {} : { TEST_SCENARIO: parsed.scenario }),
    COCKPIT_BOTS_REF: parsed.botsPull === null ? 'main' : `refs/pull/${String(parsed.botsPull)}/head`,
  };
}

/** What is tested, in the same people's variables. No configuration overrules it. */
export function subjectEnv(subject: Subject): Readonly<Record<string, string>> {
  return {
    TEST_REVISION: subject.sha,
    BASE_BRANCH: subject.baseRef,
    ...(subject.pull === null ? {} : { TEST_PULL: String(subject.pull) }),
  };
}
