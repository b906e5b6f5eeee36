import { createBell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { changeKey } from '../core/subject.ts';
import type { SchedulePolicy } from '../decide/schedule-policy.ts';
import type { Ledger, NewDelivery, ScheduleSeen } from '../ledger/ledger.ts';
import { slotTimes, type SlotTimes } from './slot-times.ts';

/** A slot that was missed is made up for if it is no older (ms): after a long holiday nobody waits for a nightly of then. */
const longestLookBackMs = 7 * 24 * 3_600_000;
/** The clock is looked at so often (ms), whatever it said before: it may be set, and a laptop sleeps. */
const longestWaitMs = 60_000;
const retryMs = 10_000;

/** A schedule of a repository. */
export interface RepoSchedule {
  readonly forge: string;
  readonly repo: string;
  readonly schedule: SchedulePolicy;
}

/** What the scheduler needs. `policies` is read at every turn: an edit counts from then on. */
export interface SchedulerDeps {
  readonly policies: () => readonly RepoSchedule[];
  readonly ledger: Pick<Ledger, 'schedulesSeen' | 'settleSchedule' | 'forgetSchedule'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** There is a delivery to handle. */
  readonly onSlot: () => void;
}

/** Makes a delivery of each slot of each schedule. */
export interface Scheduler {
  run(signal: AbortSignal): Promise<void>;
  /** The policies changed. */
  wake(): void;
}

/**
 * A slot is a delivery whose id is made of the schedule and the slot, recorded together with the fact that nothing is owed up to
 * then: it runs once, whenever we die. After downtime only the newest slot that was missed is made up for. A schedule that is
 * seen for the first time, or with other times than before, owes nothing of the past; what a lost ledger may have begun of its
 * last slot is asked of the forge (`isOnlyResumed`).
 */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { ledger, clock, logger } = deps;
  const bell = createBell(clock);
  const known = new Map<string, SlotTimes | null>();

  /** Null, and one line in the log, when the expression is none. */
  const timesOf = (schedule: SchedulePolicy): SlotTimes | null => {
    const definition = definitionOf(schedule);
    const found = known.get(definition);
    if (found !== undefined) return found;
    let times: SlotTimes | null = null;
    try {
      times = slotTimes(schedule);
    } catch (error) {
      logger.error('a schedule has no times', { schedule: schedule.name, why: errorLine(error) });
    }
    known.set(definition, times);
    return times;
  };

  /** Settles one schedule; when its next slot comes, null when never. */
  const settle = async (of: RepoSchedule, seen: ScheduleSeen | undefined): Promise<number | null> => {
    const times = timesOf(of.schedule);
    if (times === null) return null;
    const now = clock.now();
    const last = times.lastUntil(now);
    const key = keyOf(of);
    const definition = definitionOf(of.schedule);
    const isSame = seen?.definition === definition;
    if (!isSame || seen.settledAt < (last ?? 0)) {
      const isInTime = last !== null && now - last <= longestLookBackMs;
      const slot = isInTime ? slotDelivery(deps, of, { at: last, now, isOnlyResumed: !isSame }) : null;
      const isNew = await ledger.settleSchedule({ key, definition, settledAt: isSame ? (last ?? now) : now }, slot);
      if (isNew) {
        logger.info('a slot of a schedule came', { ...idOf(of), slot: slot?.id, resumed: !isSame });
        deps.onSlot();
      }
    }
    return times.nextAfter(now);
  };

  /** Settles all; when the next slot of any comes. */
  const turn = async (): Promise<number | null> => {
    const seen = new Map((await ledger.schedulesSeen()).map((schedule) => [schedule.key, schedule]));
    const policies = deps.policies();
    const wanted = new Set(policies.map(keyOf));
    for (const key of seen.keys()) if (!wanted.has(key)) await ledger.forgetSchedule(key);
    let next: number | null = null;
    for (const of of policies) {
      const at = await settle(of, seen.get(keyOf(of)));
      if (at !== null) next = Math.min(next ?? at, at);
    }
    return next;
  };

  return {
    wake() {
      bell.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        bell.reset();
        let waitMs = longestWaitMs;
        try {
          const next = await turn();
          if (next !== null) waitMs = Math.min(waitMs, Math.max(1, next - clock.now()));
        } catch (error) {
          logger.error('schedules could not be kept; trying again', { why: errorLine(error) });
          waitMs = retryMs;
        }
        await bell.wait(waitMs, signal);
      }
    },
  };
}

/**
 * The last slot of each schedule, as far as the forge shows that an earlier life began it: for reading back, after a lost ledger,
 * what ended meanwhile. Before the scheduler runs, or it would be run again.
 */
export function slotsToResume(
  policies: readonly RepoSchedule[],
  { clock, random }: Pick<SchedulerDeps, 'clock' | 'random'>,
): readonly NewDelivery[] {
  const now = clock.now();
  return policies.flatMap((of) => {
    let at: number | null;
    try {
      at = slotTimes(of.schedule).lastUntil(now);
    } catch {
      // The scheduler says so.
      return [];
    }
    if (at === null || now - at > longestLookBackMs) return [];
    return [slotDelivery({ random }, of, { at, now, isOnlyResumed: true })];
  });
}

function keyOf({ forge, repo, schedule }: RepoSchedule): string {
  return `${forge}|${repo}|${schedule.name}`;
}

function idOf({ forge, repo, schedule }: RepoSchedule): { forge: string; repo: string; schedule: string } {
  return { forge, repo, schedule: schedule.name };
}

/** What makes its slots, and where they are: an edit of its contexts alone leaves it the same schedule. */
function definitionOf({ cron, timezone, branch }: SchedulePolicy): string {
  return `${cron}|${timezone}|${branch}`;
}

function slotDelivery(
  { random }: Pick<SchedulerDeps, 'random'>,
  of: RepoSchedule,
  { at, now, isOnlyResumed }: { readonly at: number; readonly now: number; readonly isOnlyResumed: boolean },
): NewDelivery {
  const { forge, repo, schedule } = of;
  const { name, contexts, branch } = schedule;
  return {
    id: `schedule|${keyOf(of)}|${new Date(at).toISOString()}`,
    source: 'schedule',
    event: {
      kind: 'schedule',
      forge,
      repo,
      changeKey: changeKey({ forge, repo, pull: null, branch, baseRef: branch }),
      slot: { name, at, contexts },
      ...(isOnlyResumed ? { isOnlyResumed: true } : {}),
    },
    receivedAt: now,
    traceId: random.hex(16),
  };
}
