import type { Action } from '../core/action.ts';
import { isTrusted, subjectOf } from '../core/change.ts';
import type { Job } from '../core/job.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import { idFor, type Look } from './look.ts';

/** Wants the job of a check on an occasion, at least one generation beyond what the forge remembers of it (R11). */
export function placeOrder(look: Look, check: PlannedCheck, occasion: string): Action {
  const { context, command, container, env, secrets, needs, pool, priority, timeoutMs, exclusive } = check;
  const { integration, network, limits, commandSubject, foreignShas } = check;
  const { change } = look.snapshot;
  const id = idFor(look, check, occasion);
  const job: Job = {
    id,
    subject: subjectOf(change),
    context,
    occasion,
    command,
    container,
    env,
    secrets,
    needs,
    pool,
    priority,
    timeoutMs,
    exclusive,
    integration,
    network,
    limits,
    isTrusted: isTrusted(change),
    commandSubject,
    ...(foreignShas === undefined ? {} : { foreignShas }),
    ...(reportsIssue(check.issueFor, occasion) ? { reportsIssue: true } : {}),
  };
  look.settled.made.set(id, context);
  look.settled.asked.add(context);
  look.settled.skipped.delete(context);
  const seen = look.statuses.get(context);
  const remembered = seen?.jobId === id ? (seen.generation ?? 0) : 0;
  return { kind: 'enqueue', job, generation: remembered + 1 };
}

function reportsIssue(issueFor: PlannedCheck['issueFor'], occasion: string): boolean {
  if (issueFor === undefined) return false;
  // `schedule:NAME@SLOT`: no name holds an `@`.
  const schedule = /^schedule:([^@]*)@/.exec(occasion)?.[1];
  return schedule === undefined ? issueFor.isForChange : issueFor.schedules.includes(schedule);
}
