import type { Action } from '../core/action.ts';
import { scheduleOccasion } from '../core/forge-event.ts';
import { createContextFilter } from './context-filter.ts';
import { idFor, isAgainWanted, mayRun, type Look } from './look.ts';
import { placeOrder } from './place-order.ts';

/**
 * A job for each context of a slot of a schedule, manual ones included, whatever this commit was tested for already; once,
 * also when our ledger forgot it and the forge still shows it (R11).
 */
export function decideSlots(look: Look): readonly Action[] {
  const { change, slots = [] } = look.snapshot;
  if (!change.isOpen || !mayRun(look)) return [];
  return slots.flatMap((slot) => {
    const occasion = scheduleOccasion(slot);
    const isMeant = createContextFilter(slot.contexts);
    return look.checks
      .filter((check) => isMeant(check.context) && isDue(look, idFor(look, check, occasion), check.context))
      .map((check) => placeOrder(look, check, occasion));
  });
}

function isDue(look: Look, id: ReturnType<typeof idFor>, context: string): boolean {
  if (look.settled.made.has(id)) return false;
  const known = look.jobs.get(id);
  if (known !== undefined) return isAgainWanted(known);
  const seen = look.statuses.get(context);
  return seen?.jobId !== id || seen.state === 'pending' || seen.isCanceled;
}
