import { UsageError } from '../base/errors.ts';
import { jobOfOrder } from '../config/job-file.ts';
import type { ProjectPolicy } from '../decide/plan-checks.ts';
import { fallbackContext, planChecks } from '../decide/plan-checks.ts';
import { jobIdOf, type Job } from '../core/job.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import type { Subject } from '../core/subject.ts';
import { projectAt } from './serve-order.ts';
import type { RunOrder } from './wiring.ts';

/** What whoever has the repository found out: the commit, and that of the tests if they live elsewhere. */
export interface ResolvedRun {
  readonly subject: Subject;
  readonly commandSubject: Subject | null;
  /** Makes the job one of its own, however often it is asked for. */
  readonly requestId: string;
}

/**
 * The job that `run` or `reproduce` means, with what the command line overrules. It is trusted: its owner started it by hand
 * on their own machine.
 * @throws UsageError `cli/which-check` when the project has several checks and none was named.
 */
export function jobOfRun(order: RunOrder, resolved: ResolvedRun): Job {
  const job = plainJob(order, resolved);
  const { command, container, env, timeoutMs, network } = order;
  return {
    ...job,
    command: command ?? job.command,
    container: container ?? job.container,
    env: { ...job.env, ...env },
    timeoutMs: timeoutMs ?? job.timeoutMs,
    network: network ?? job.network,
  };
}

function plainJob(order: RunOrder, resolved: ResolvedRun): Job {
  const { source, settings } = order;
  const occasion = `request:${resolved.requestId}`;
  switch (source.kind) {
    case 'repeat': {
      const identity = { ...source.job, occasion, isTrusted: true };
      return { ...identity, id: jobIdOf(identity) };
    }
    case 'order': {
      const asked = order.context === null ? source.order : { ...source.order, context: order.context };
      return jobOfOrder({ ...resolved, order: asked, settings: settings.fallback });
    }
    case 'checkout': {
      const { policy } = projectAt(settings, source.dir);
      const { isManual: _, ...check } = chosenCheck(policy, order.context, resolved);
      const { subject } = resolved;
      const identity = { ...check, subject, occasion, isTrusted: true };
      return { ...identity, id: jobIdOf(identity) };
    }
    default:
      return source satisfies never;
  }
}

function chosenCheck(policy: ProjectPolicy, context: string | null, resolved: ResolvedRun): PlannedCheck {
  const { subject, commandSubject } = resolved;
  const foreign = context === null || commandSubject === null ? [] : ([[context, commandSubject]] as const);
  const plan = (of: ProjectPolicy): readonly PlannedCheck[] =>
    planChecks({ policy: of, subject, commandSubjects: new Map(foreign) });
  // By hand any branch may be tested, watched or not.
  const checks = plan({ ...policy, branches: [] });
  if (context !== null) {
    const named = checks.find((check) => check.context === context);
    if (named !== undefined) return named;
    // One that the policy does not know runs like a project without checks, under that name.
    const [unlisted] = plan({ ...policy, branches: [], checks: [{ ...policy.fallback, context, branches: [] }] });
    if (unlisted !== undefined) return unlisted;
  }
  const automatic = checks.filter((check) => !check.isManual);
  const [only, ...others] = automatic;
  if (only !== undefined && others.length === 0) return only;
  const names = checks.map((check) => check.context).join(', ');
  throw new UsageError(
    'cli/which-check',
    checks.length === 0
      ? `${policy.repo}: no check is configured for this branch; name one: --context ${fallbackContext}`
      : `${policy.repo}: which check? --context with one of ${names}`,
  );
}
