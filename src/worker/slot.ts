import type { Consumer } from '../queue/queue.ts';

/** Room for one job: while it is free it has a consumer for each queue that this worker may serve (R2). */
export interface Slot {
  readonly consumers: Consumer[];
  isTaken: boolean;
  /** While a delivery is being claimed for this slot; resolves when that is decided. */
  claim: Promise<unknown> | null;
}

/** Free, and listening to nothing yet. */
export function freeSlot(): Slot {
  return { consumers: [], isTaken: false, claim: null };
}

/** Nothing new is delivered to this slot when it resolves. A cancel that fails went down with its connection, and so did the consumer. */
export async function quiet(slot: Slot): Promise<void> {
  await Promise.all(slot.consumers.splice(0).map((consumer) => consumer.cancel().catch(() => undefined)));
}
