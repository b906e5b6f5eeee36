import type { Action } from '../core/action.ts';
import { scheduleOccasion } from '../core/forge-event.ts';
import { createContextFilter } from './context-filter.ts';
import { isDue, mayRun, type Look } from './look.ts';
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
      .filter((check) => isMeant(check.context) && isDue(look, check, occasion))
      .map((check) => placeOrder(look, check, occasion));
  });
}
