import type { Change } from '../core/change.ts';
import { parseContext } from '../core/check-context.ts';
import type { Integration, Limits } from '../core/job.ts';
import type { ContextLeftOut, PlannedCheck } from '../core/snapshot.ts';
import type { Subject } from '../core/subject.ts';
import { createBranchFilter } from './branch-pattern.ts';
import { contextEnv, subjectEnv } from './check-env.ts';
import { createContextFilter } from './context-filter.ts';
import { hasWantedPath, notNeeded, type PathFilter } from './path-filter.ts';
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

/**
 * The change to plan for, and what was found out about other repositories: the subjects of contexts whose tests live there,
 * and the heads of pull requests that `@bots#N` names.
 */
export interface PlanInput {
  readonly policy: ProjectPolicy;
  readonly subject: Subject;
  readonly commandSubjects: ReadonlyMap<string, Subject>;
  /** Absent: nobody resolves them, and the job is told what to fetch. */
  readonly botsShas?: ReadonlyMap<number, string>;
  /** What the pull request says of itself; absent: nothing. */
  readonly change?: Pick<Change, 'title' | 'labels' | 'isDraft'>;
  /** Files that it changes; null or absent: unknown, and no path filter counts. */
  readonly changedFiles?: readonly string[] | null;
}

/** Contexts of the plan that name another repository: resolve each to a commit before `planChecks`. */
export function foreignContexts(policy: ProjectPolicy, baseRef: string): readonly string[] {
  return wanted(policy, baseRef)
    .map((check) => check.context)
    .filter((context) => (parseContext(context)?.foreign ?? null) !== null);
}

/** Pull requests of the bots repository that contexts of the plan name. */
export function botsPulls(policy: ProjectPolicy, baseRef: string): readonly number[] {
  const pulls = wanted(policy, baseRef).map((check) => parseContext(check.context)?.botsPull ?? null);
  return [...new Set(pulls.filter((pull) => pull !== null))];
}

/** Some check of the plan depends on which files a pull request changes. */
export function hasPathFilters(policy: ProjectPolicy, baseRef: string): boolean {
  return wanted(policy, baseRef).some((check) => (check.paths ?? null) !== null);
}

/** The checks that the policy wants for a change; see `planOf`. */
export function planChecks(input: PlanInput): readonly PlannedCheck[] {
  return planOf(input).checks;
}

/**
 * The checks that the policy wants for a change, and contexts that are left out: one of which another repository's part
 * cannot be found is better tested at a later look than with something else in its name. Empty: this branch is not tested.
 */
export function planOf(input: PlanInput): {
  readonly checks: readonly PlannedCheck[];
  readonly leftOut: readonly ContextLeftOut[];
} {
  const checks: PlannedCheck[] = [];
  const leftOut: ContextLeftOut[] = [];
  const whyHeld = heldBack(input);
  for (const check of wanted(input.policy, input.subject.baseRef)) {
    const why = whyLeftOut(input, check.context);
    if (why === null) checks.push(planned(input, check, whyHeld));
    else leftOut.push({ context: check.context, why });
  }
  return { checks, leftOut };
}

function whyLeftOut({ commandSubjects, botsShas, policy }: PlanInput, context: string): string | null {
  const parsed = parseContext(context);
  if (parsed === null) return 'its name is no context';
  const { foreign, botsPull } = parsed;
  if (foreign !== null && !commandSubjects.has(context)) {
    const branch = foreign.ref === null ? 'the default branch' : `branch ${foreign.ref}`;
    return `its tests live on ${branch} of ${foreign.repo}, which cannot be found`;
  }
  if (botsPull !== null && botsShas !== undefined && !botsShas.has(botsPull)) {
    return `pull request ${String(botsPull)} of ${policy.botsRepo ?? 'the bots repository'} cannot be found`;
  }
  return null;
}

function planned(input: PlanInput, check: CheckPolicy, whyHeld: string | null): PlannedCheck {
  const { policy, subject, changedFiles = null } = input;
  const { context, command, container, secrets, needs, pool, priority, timeoutMs, network, limits, integration } =
    check;
  const { paths = null } = check;
  const commandSubject = input.commandSubjects.get(context) ?? null;
  const botsSha = botsShaOf(input, context);
  const isUnneeded = paths !== null && changedFiles !== null && subject.pull !== null;
  const issueFor = issuesOf(policy, check, subject);
  return {
    context,
    command,
    container,
    env: {
      ...contextEnv(context),
      ...botsEnv(input, commandSubject, botsSha),
      ...check.env,
      ...subjectEnv(subject),
    },
    secrets,
    needs,
    pool,
    priority,
    timeoutMs,
    network,
    limits,
    // Joined with a base is the change; tests that live elsewhere run as they are.
    integration: commandSubject === null ? integration : 'none',
    exclusive: check.isExclusive,
    commandSubject,
    ...(botsSha === null ? {} : { foreignShas: [botsSha] }),
    isManual: check.isManual || whyHeld !== null,
    ...(check.isManual ? { whyManual: 'it runs only when somebody asks for it' } : {}),
    ...(!check.isManual && whyHeld !== null ? { whyManual: whyHeld, isHeld: true } : {}),
    ...(isUnneeded && !hasWantedPath(paths, changedFiles) ? { skip: notNeeded(paths) } : {}),
    ...(issueFor === null ? {} : { issueFor }),
  };
}

/** Why the change keeps its checks from starting by themselves; null when it does not. Case does not count. */
function heldBack({ policy, subject, change }: PlanInput): string | null {
  if (subject.pull === null || change === undefined) return null;
  const { noTest, testsDrafts = true } = policy;
  const label = noTest?.label?.toLowerCase() ?? null;
  if (label !== null && change.labels.some((one) => one.toLowerCase() === label)) {
    return `the label ${label} holds it back`;
  }
  const title = noTest?.title ?? null;
  if (title !== null && change.title.toLowerCase().includes(title.toLowerCase())) {
    return `${title} in the title holds it back`;
  }
  return change.isDraft && !testsDrafts ? 'drafts are not tested here' : null;
}

/** Whose failures open an issue; null: nobody's. A pull request has people who look at it. */
function issuesOf(
  policy: ProjectPolicy,
  check: CheckPolicy,
  subject: Subject,
): NonNullable<PlannedCheck['issueFor']> | null {
  if (subject.pull !== null) return null;
  const schedules = (policy.schedules ?? [])
    .filter(({ reportsIssue, contexts }) => reportsIssue && createContextFilter(contexts)(check.context))
    .map(({ name }) => name);
  const isForChange = policy.reportsIssues === true;
  return isForChange || schedules.length > 0 ? { isForChange, schedules } : null;
}

function botsShaOf({ botsShas }: PlanInput, context: string): string | null {
  const pull = parseContext(context)?.botsPull ?? null;
  return pull === null ? null : (botsShas?.get(pull) ?? null);
}

/** Tests of another repository that run for a pull request of the bots repository use the bots of that very request. */
function botsEnv(
  { policy, subject }: PlanInput,
  commandSubject: Subject | null,
  botsSha: string | null,
): Readonly<Record<string, string>> {
  if (botsSha !== null) return { COCKPIT_BOTS_REF: botsSha };
  const isForBots = commandSubject !== null && subject.pull !== null && subject.repo === policy.botsRepo;
  return isForBots ? { COCKPIT_BOTS_REF: subject.sha } : {};
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
