import { isTrusted, subjectOf } from '../core/change.ts';
import { scheduleOccasion, type ScheduleSlot } from '../core/forge-event.ts';
import { jobIdOf } from '../core/job.ts';
import type { Snapshot } from '../core/snapshot.ts';

/**
 * What is left to do of a slot that came in the life of a ledger that is lost: the contexts of which the forge shows the very
 * job of this slot, begun and not judged (R11, R12). Null when there is none: then it ran to its end, or nobody ever asked
 * for it, since the schedule is newer than the slot.
 */
export function resumedSlot(
  { change, plan, statuses }: Pick<Snapshot, 'change' | 'plan' | 'statuses'>,
  slot: ScheduleSlot,
): ScheduleSlot | null {
  if (plan.kind === 'nothing' || !change.isOpen) return null;
  const contexts = plan.checks.flatMap(({ context, commandSubject, foreignShas }) => {
    const seen = statuses.find((status) => status.context === context);
    if (seen === undefined || (seen.state !== 'pending' && !seen.isCanceled)) return [];
    const id = jobIdOf({
      subject: subjectOf(change),
      context,
      occasion: scheduleOccasion(slot),
      commandSubject,
      isTrusted: isTrusted(change),
      ...(foreignShas === undefined ? {} : { foreignShas }),
    });
    return seen.jobId === id ? [context] : [];
  });
  return contexts.length === 0 ? null : { ...slot, contexts };
}
