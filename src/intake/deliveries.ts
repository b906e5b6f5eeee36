import { createBell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Ledger } from '../ledger/ledger.ts';

const page = 500;
/** Everything that waits is gone through again this often (ms), whatever was heard. */
const walkMs = 60_000;
/** A place whose handling failed rests so long at first (ms), twice as long each further time, up to the second. */
const firstRestMs = 5_000;
const longestRestMs = 60_000;

/** How the handling of a place ended. `again`: there is more of it. `later`: it rests. */
export type Handled = 'done' | 'again' | 'later';

/** What drives the handling of stored deliveries. */
export interface DeliveryLoopDeps {
  readonly ledger: Pick<Ledger, 'pendingPlaces'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Handles what waits for a place at that moment. Bounds by itself how many are at work. */
  readonly handle: (changeKey: string, signal: AbortSignal) => Promise<Handled>;
}

/** Handles stored deliveries place by place. */
export interface DeliveryLoop {
  run(signal: AbortSignal): Promise<void>;
  /** There are new ones. */
  wake(): void;
}

interface PlaceState {
  /** Handled now, or queued for it. Else it rests. */
  isUnderway: boolean;
  /** More came meanwhile. */
  isAgain: boolean;
  failures: number;
}

/**
 * Every place with pending deliveries is handled by itself: one at a time for each place, no place waiting for another. Knows
 * places only; the deliveries are read when a place's turn comes, so that many of one place are one look.
 */
export function createDeliveryLoop({ ledger, clock, logger, handle }: DeliveryLoopDeps): DeliveryLoop {
  const bell = createBell(clock);
  const states = new Map<string, PlaceState>();
  const resting = new Map<string, number>();
  const underway = new Set<Promise<void>>();

  const rest = (changeKey: string, state: PlaceState): void => {
    state.failures += 1;
    const pauseMs = Math.min(longestRestMs, firstRestMs * 2 ** Math.min(10, state.failures - 1));
    resting.set(changeKey, clock.monotonic() + pauseMs);
    bell.ring();
  };

  const work = async (changeKey: string, state: PlaceState, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      state.isAgain = false;
      let handled: Handled;
      try {
        handled = await handle(changeKey, signal);
      } catch (error) {
        logger.error('intake failed; it will be tried again', { change: changeKey, why: errorLine(error) });
        handled = 'later';
      }
      if (handled === 'later') {
        state.isUnderway = false;
        rest(changeKey, state);
        return;
      }
      state.failures = 0;
      if (handled === 'done' && !state.isAgain) break;
    }
    states.delete(changeKey);
  };

  const begin = (changeKey: string, state: PlaceState, signal: AbortSignal): void => {
    state.isUnderway = true;
    const working = work(changeKey, state, signal).finally(() => underway.delete(working));
    underway.add(working);
  };

  const hear = (changeKey: string, signal: AbortSignal): void => {
    const state = states.get(changeKey);
    if (state === undefined) {
      const fresh = { isUnderway: true, isAgain: false, failures: 0 };
      states.set(changeKey, fresh);
      begin(changeKey, fresh, signal);
    } else if (state.isUnderway) state.isAgain = true;
  };

  /** From after `seq` on; how far it came. */
  const walk = async (from: number, signal: AbortSignal): Promise<number> => {
    let at = from;
    while (!signal.aborted) {
      const waiting = await ledger.pendingPlaces(at, page);
      for (const { changeKey } of waiting) hear(changeKey, signal);
      at = waiting.at(-1)?.seq ?? at;
      if (waiting.length < page) break;
    }
    return at;
  };

  /** Begins with those whose rest is over; when the next one's is (monotonic), null when none rests. */
  const raise = (signal: AbortSignal): number | null => {
    let next: number | null = null;
    for (const [changeKey, at] of resting) {
      const state = states.get(changeKey);
      if (at > clock.monotonic()) next = Math.min(next ?? at, at);
      else {
        resting.delete(changeKey);
        if (state !== undefined) begin(changeKey, state, signal);
      }
    }
    return next;
  };

  return {
    wake() {
      bell.ring();
    },
    async run(signal) {
      let at = 0;
      let walkedAt = clock.monotonic();
      while (!signal.aborted) {
        bell.reset();
        try {
          if (clock.monotonic() - walkedAt >= walkMs) {
            at = 0;
            walkedAt = clock.monotonic();
          }
          at = await walk(at, signal);
        } catch (error) {
          logger.error('stored events could not be read; trying again', { why: errorLine(error) });
          at = 0;
          walkedAt = clock.monotonic() - walkMs + firstRestMs;
        }
        const next = Math.min(raise(signal) ?? Infinity, walkedAt + walkMs);
        await bell.wait(Math.max(1, next - clock.monotonic()), signal);
      }
      await Promise.allSettled(underway);
      states.clear();
      resting.clear();
    },
  };
}
