import type { Action } from '../core/action.ts';
import type { JobKnown, Snapshot } from '../core/snapshot.ts';
import { carryOutRequests } from './carry-out.ts';
import { decideSlots } from './decide-slots.ts';
import { decideWanted } from './decide-wanted.ts';
import { lookAt, type Look } from './look.ts';
import { restate } from './restate.ts';

/**
 * Level-triggered: from what is, to what has to be done so that every wanted check of this change has been judged once.
 * Called by events and by the scanner alike; on an unchanged snapshot the second call has nothing left to do.
 */
export function decideChange(snapshot: Snapshot): readonly Action[] {
  const look = lookAt(snapshot);
  // In this order: each settles in the look what the next must know.
  return [
    ...cancelStale(look),
    ...carryOutRequests(look),
    ...decideSlots(look),
    ...decideWanted(look),
    ...restate(look),
  ];
}

/** Jobs that the place no longer asks for: it closed, its head moved on, or it is meant for another base. */
function cancelStale({ snapshot, settled }: Look): readonly Action[] {
  const { change, jobs } = snapshot;
  const isStale = (job: JobKnown): boolean =>
    !job.isEnded && job.changeKey === change.key && (!change.isOpen || isLeftBehind(job, change));
  return jobs.filter(isStale).map((job) => {
    settled.stale.add(job.id);
    return change.isOpen
      ? { kind: 'cancel', jobId: job.id, reason: 'superseded', by: change.headSha }
      : { kind: 'cancel', jobId: job.id, reason: 'closed', by: change.key };
  });
}

/** A schedule asked for the commit that was the head at its time: a later push does not make it void. */
function isLeftBehind(job: JobKnown, change: Snapshot['change']): boolean {
  if (job.occasion.startsWith('schedule:')) return false;
  return job.sha !== change.headSha || job.baseRef !== change.baseRef;
}
