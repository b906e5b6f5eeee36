import type { Consumer } from '../queue/queue.ts';

/** Room for one job: while it is free it has a consumer for each queue that this worker may serve (R2). */
export interface Slot {
  /** By queue. */
  readonly consumers: Map<string, Consumer>;
  isTaken: boolean;
  /** While a delivery is being claimed for this slot; resolves when that is decided. */
  claim: Promise<unknown> | null;
}

/** Free, and listening to nothing yet. */
export function freeSlot(): Slot {
  return { consumers: new Map(), isTaken: false, claim: null };
}

/** Nothing new is delivered to this slot when it resolves. A cancel that fails went down with its connection, and so did the consumer. */
export async function quiet(slot: Slot): Promise<void> {
  const consumers = [...slot.consumers.values()];
  slot.consumers.clear();
  await Promise.all(consumers.map((consumer) => consumer.cancel().catch(() => undefined)));
}
