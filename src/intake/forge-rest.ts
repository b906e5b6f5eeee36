import type { Clock } from '../base/clock.ts';

/** One place may be broken by itself; when so many looks in a row find nobody, it is the forge. */
const failuresInRow = 4;
const firstRestMs = 5_000;
const longestRestMs = 60_000;

/** Whether a forge that seems to be away is left alone for a while, so that a backlog does not become a storm of requests. */
export interface ForgeRest {
  isResting(): boolean;
  answered(): void;
  wasAway(): void;
}

export function createForgeRest(clock: Clock): ForgeRest {
  let failures = 0;
  let until = -Infinity;
  return {
    isResting: () => clock.monotonic() < until,
    answered() {
      failures = 0;
      until = -Infinity;
    },
    wasAway() {
      // Those that were under way when the rest began say nothing new.
      if (clock.monotonic() < until) return;
      failures += 1;
      if (failures < failuresInRow) return;
      until = clock.monotonic() + Math.min(longestRestMs, firstRestMs * 2 ** Math.min(10, failures - failuresInRow));
    },
  };
}
