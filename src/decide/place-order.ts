import type { Action } from '../core/action.ts';
import { subjectOf } from '../core/change.ts';
import type { Job } from '../core/job.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import { idFor, type Look } from './look.ts';

/** Wants the job of a check on an occasion, at least one generation beyond what the forge remembers of it (R11). */
export function placeOrder(look: Look, check: PlannedCheck, occasion: string): Action {
  const { isManual: _m, whyManual: _w, isHeld: _h, skip: _s, issueFor, ...order } = check;
  const { change } = look.snapshot;
  const id = idFor(look, check, occasion);
  const job: Job = { ...order, id, subject: subjectOf(change), occasion, isTrusted: change.isTrusted };
  look.settled.made.set(id, check.context);
  look.settled.asked.add(check.context);
  look.settled.skipped.delete(check.context);
  const seen = look.statuses.get(check.context);
  const remembered = seen?.jobId === id ? (seen.generation ?? 0) : 0;
  return {
    kind: 'enqueue',
    job: reportsIssue(issueFor, occasion) ? { ...job, reportsIssue: true } : job,
    generation: remembered + 1,
  };
}

function reportsIssue(issueFor: PlannedCheck['issueFor'], occasion: string): boolean {
  if (issueFor === undefined) return false;
  // `schedule:NAME@SLOT`: no name holds an `@`.
  const schedule = /^schedule:([^@]*)@/.exec(occasion)?.[1];
  return schedule === undefined ? issueFor.isForChange : issueFor.schedules.includes(schedule);
}
