import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const lookAgainMs = 10_000;

/** Whether this machine can take work at all, whatever the order: a full disk must not make poison of good orders (R7). */
export interface Health {
  /** Why not; null: all is well, as far as it was looked at. */
  readonly why: string | null;
  /** Looks now. When it turns bad it says why, once, and looks again until it is good; then `onChange` is called, as it is when it turns bad. */
  check(): Promise<boolean>;
}

export function createHealth(deps: {
  /** Why nothing can be taken now, as one line; null: all is well. */
  readonly refusal: () => Promise<string | null>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly life: () => AbortSignal;
  readonly onChange: () => void;
}): Health {
  const { clock, logger, life } = deps;
  let found: string | null = null;
  const look = (): Promise<string | null> => deps.refusal().catch((error: unknown) => errorLine(error));
  const isBad = (): boolean => found !== null;
  const waitUntilGood = async (): Promise<void> => {
    while (!life().aborted) {
      await sleep(clock, lookAgainMs, life());
      if (life().aborted) return;
      found = await look();
      if (found !== null) continue;
      logger.info('this worker takes jobs again', {});
      deps.onChange();
      return;
    }
  };
  return {
    get why() {
      return found;
    },
    async check() {
      if (found !== null) return false;
      const why = await look();
      // Another look may have found it meanwhile.
      if (why === null || isBad()) return why === null;
      found = why;
      logger.warn('this worker takes no jobs', { why });
      deps.onChange();
      void waitUntilGood();
      return false;
    },
  };
}
