import { setTimeout as pause } from 'node:timers/promises';
import type { Hit } from './faults.ts';
import type { FaultKind, PlannedFault } from './plan.ts';

/** So many faults of one kind may go on at once: some last long, and a kind shall not come to its number in a hurry at the end. */
const lanesPerKind = 3;
const againMs = 500;

/** What came of a plan. */
export interface CarriedOut {
  /** In the order of their beginning. */
  readonly hits: readonly Hit[];
  /** Faults that nobody noticed until the end. */
  readonly missed: Readonly<Partial<Record<FaultKind, number>>>;
}

/**
 * Strikes at the planned instants. What hits nobody, or is noticed by nobody, is tried again and again, with another victim, for as
 * long as the house is used (`isUsed`); what was due meanwhile follows at once.
 */
export async function carryOut(
  plan: readonly PlannedFault[],
  strike: (fault: PlannedFault) => Promise<Hit | null>,
  isUsed: () => boolean,
): Promise<CarriedOut> {
  const beganAt = performance.now();
  const hits: Hit[] = [];
  const missed: Partial<Record<FaultKind, number>> = {};
  const one = async (fault: PlannedFault): Promise<void> => {
    await pause(Math.max(0, beganAt + fault.atMs - performance.now()));
    for (let tries = 0; tries === 0 || isUsed(); tries += 1) {
      const hit = await strike({ ...fault, dice: (fault.dice + tries * 0.37) % 1 });
      if (hit !== null) {
        hits.push(hit);
        return;
      }
      await pause(againMs);
    }
    missed[fault.kind] = (missed[fault.kind] ?? 0) + 1;
  };
  const lanes = new Map<string, PlannedFault[]>();
  const seen = new Map<FaultKind, number>();
  for (const fault of plan) {
    const before = seen.get(fault.kind) ?? 0;
    seen.set(fault.kind, before + 1);
    const lane = `${fault.kind} ${String(before % lanesPerKind)}`;
    lanes.set(lane, [...(lanes.get(lane) ?? []), fault]);
  }
  await Promise.all(
    [...lanes.values()].map(async (lane) => {
      for (const fault of lane) await one(fault);
    }),
  );
  return { hits: hits.sort((one, other) => one.beganAt - other.beganAt), missed };
}
