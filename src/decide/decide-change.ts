import type { Action } from '../core/action.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { settleApprovals } from './approvals.ts';
import { cancelStale } from './cancel-stale.ts';
import { carryOutRequests } from './carry-out.ts';
import { decideSlots } from './decide-slots.ts';
import { decideWanted } from './decide-wanted.ts';
import { lookAt } from './look.ts';
import { restate } from './restate.ts';

/**
 * Level-triggered: from what is, to what has to be done so that every wanted check of this change has been judged once.
 * Called by events and by the scanner alike; on an unchanged snapshot the second call has nothing left to do.
 */
export function decideChange(snapshot: Snapshot): readonly Action[] {
  const look = lookAt(snapshot);
  settleApprovals(look);
  // In this order: each settles in the look what the next must know.
  return [
    ...cancelStale(look),
    ...carryOutRequests(look),
    ...decideSlots(look),
    ...decideWanted(look),
    ...restate(look),
  ];
}
