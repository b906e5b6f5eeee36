import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const lookAgainMs = 10_000;

/** Whether this machine can take work at all, whatever the order: a full disk must not make poison of good orders (R7). */
export interface Health {
  readonly isGood: boolean;
  /** Looks now. When it turns bad it says why, once, and looks again until it is good; then `onGood` is called. */
  check(): Promise<boolean>;
}

export function createHealth(deps: {
  /** Why nothing can be taken now, as one line; null: all is well. */
  readonly refusal: () => Promise<string | null>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly life: () => AbortSignal;
  readonly onGood: () => void;
}): Health {
  const { clock, logger, life } = deps;
  let isGood = true;
  const look = (): Promise<string | null> => deps.refusal().catch((error: unknown) => errorLine(error));
  const waitUntilGood = async (): Promise<void> => {
    while (!life().aborted) {
      await sleep(clock, lookAgainMs, life());
      if (life().aborted || (await look()) !== null) continue;
      isGood = true;
      logger.info('this worker takes jobs again', {});
      deps.onGood();
      return;
    }
  };
  return {
    get isGood() {
      return isGood;
    },
    async check() {
      if (!isGood) return false;
      const why = await look();
      if (why === null) return true;
      isGood = false;
      logger.warn('this worker takes no jobs', { why });
      void waitUntilGood();
      return false;
    },
  };
}
