import { Cron } from 'croner';
import type { SchedulePolicy } from '../decide/schedule-policy.ts';

/** When a schedule comes (epoch ms); null when never. */
export interface SlotTimes {
  /** The last slot at or before then. */
  lastUntil(at: number): number | null;
  /** The first slot after then. */
  nextAfter(at: number): number | null;
}

/**
 * The slots of a schedule. Where the clocks change, a time that is left out comes at the first time after the gap, and a time
 * that occurs twice comes once; only a wildcard hour or minute (`*`) follows the hours as they pass.
 * Throws what croner throws at an expression or time zone that is none; the configuration refuses these.
 */
export function slotTimes({ cron, timezone }: Pick<SchedulePolicy, 'cron' | 'timezone'>): SlotTimes {
  // Paused: it computes, and never fires by itself. `no-wildcard` makes lists of hours fixed times, too.
  const times = new Cron(cron, { paused: true, mode: '5-part', timezone, fixedTimeRule: 'no-wildcard' });
  // Asked every minute, and the same until the next slot comes.
  let known: { readonly at: number; readonly last: number | null; readonly next: number | null } | null = null;
  const around = (at: number): { readonly last: number | null; readonly next: number | null } => {
    if (known !== null && known.at <= at && at < (known.next ?? Number.POSITIVE_INFINITY)) return known;
    const last = times.previousRuns(1, new Date(at + 1))[0]?.getTime() ?? null;
    known = { at, last, next: times.nextRun(new Date(at))?.getTime() ?? null };
    return known;
  };
  return { lastUntil: (at) => around(at).last, nextAfter: (at) => around(at).next };
}
