import { createBell, type Bell } from '../base/bell.ts';
import type { Forge } from '../forge/forge.ts';
import { sleep } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import { createForgeLane, type ForgeLane, type LaneDeps } from './forge-lane.ts';

/** A lane that had nothing to do looks again after this (ms), for reasons of waiting that changed. */
const idleMs = 60_000;
const brokenPauseMs = 5_000;

/** What the reporter needs. `publicUrl`: asked at each use, without trailing slash; null: targets are not posted. `forges` may change meanwhile. */
export interface OutboxDeps extends LaneDeps {
  readonly forges: ReadonlyMap<string, Forge>;
}

/**
 * Tells the forges what the ledger says they should show: one desired state per commit and context, at most three posts for
 * an occasion; what changed while a post was under way stays due. Each forge has a lane of its own: one that is away, or out
 * of quota, holds up no other. What failed comes back after a growing pause, for ever; what a forge refuses for good is set
 * aside and shown (`LedgerReader.refusedReports`). Telling twice is harmless, so nothing is remembered here but whose turn
 * it is. The forge's adapter spaces its writes; a lane only asks when it may write, and decides at that moment what.
 */
export interface Outbox {
  /** Tells what is due now; resolves with the time of the next due thing (epoch ms), or null when nothing waits. Not beside `run`. */
  flush(signal: AbortSignal): Promise<number | null>;
  /** Tells until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Something in the ledger changed. */
  wake(): void;
}

export function createOutbox(deps: OutboxDeps): Outbox {
  const { ledger, clock, logger } = deps;
  const lanes = new Map<string, { readonly lane: ForgeLane; readonly bell: Bell }>();
  const news = createBell(clock);

  const laneOf = (name: string): { readonly lane: ForgeLane; readonly bell: Bell } => {
    const known = lanes.get(name);
    if (known !== undefined) return known;
    const made = { lane: createForgeLane(name, deps), bell: createBell(clock) };
    lanes.set(name, made);
    return made;
  };

  /** Also forges of an earlier configuration: what they would have been told is acknowledged. */
  const names = async (): Promise<readonly string[]> => [
    ...new Set([...deps.forges.keys(), ...(await ledger.forgesToTell())]),
  ];

  const runLane = async (name: string, signal: AbortSignal): Promise<void> => {
    const { lane, bell } = laneOf(name);
    while (!signal.aborted) {
      bell.reset();
      let nextAt: number | null;
      try {
        nextAt = await lane.flush(deps.forges.get(name), signal);
      } catch (error) {
        logger.error('reporting failed; trying again', { forge: name, why: errorLine(error) });
        // News would wake us at once, and the same fault fill the log.
        await sleep(clock, brokenPauseMs, signal);
        continue;
      }
      const pauseMs = nextAt === null ? idleMs : Math.max(1, nextAt - clock.now());
      await bell.wait(Math.min(pauseMs, idleMs), signal);
    }
  };

  return {
    async flush(signal) {
      const times = await Promise.all(
        (await names()).map((name) => laneOf(name).lane.flush(deps.forges.get(name), signal)),
      );
      const waiting = times.filter((time) => time !== null);
      return waiting.length === 0 ? null : Math.min(...waiting);
    },
    async run(signal) {
      const running = new Map<string, Promise<void>>();
      while (!signal.aborted) {
        news.reset();
        try {
          for (const name of await names()) {
            if (!running.has(name)) running.set(name, runLane(name, signal));
          }
        } catch (error) {
          logger.error('the ledger does not say whom to tell; trying again', { why: errorLine(error) });
          await sleep(clock, brokenPauseMs, signal);
        }
        await news.wait(idleMs, signal);
      }
      await Promise.all(running.values());
    },
    wake() {
      for (const { bell } of lanes.values()) bell.ring();
      if ([...deps.forges.keys()].some((name) => !lanes.has(name))) news.ring();
    },
  };
}
