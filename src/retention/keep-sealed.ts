import { createBell } from '../base/bell.ts';
import { sleep, type Clock } from '../base/clock.ts';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

/** More wait for their turn only when a store is away; what is forgotten here is found by the daily round. */
const mostWaiting = 10_000;
const retryMs = 30_000;

/** What is done for an attempt whose results are complete in the store. `prefix` without a slash at its end. */
export interface KeepSealedDeps {
  /** Removes what the growing log left. */
  readonly tidy: (prefix: string) => Promise<number>;
  /** Brings its objects to the mirrors; a mirror that fails is the mirrors' matter. */
  readonly copy: (prefix: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tidies and copies what is sealed, one attempt after the other, behind everybody's back. */
export interface SealedKeeper {
  sealed(prefix: string): void;
  /** Works until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Nothing of it is on a disk: what a crash leaves undone, the round of `retention-loop.ts` finds in the store itself. */
export function createSealedKeeper(deps: KeepSealedDeps): SealedKeeper {
  const { clock, logger } = deps;
  const waiting = new Set<string>();
  const bell = createBell(clock);
  return {
    sealed(prefix) {
      if (waiting.size < mostWaiting) waiting.add(prefix);
      bell.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        bell.reset();
        for (const prefix of waiting) {
          if (signal.aborted) return;
          try {
            await deps.tidy(prefix);
            await deps.copy(prefix, signal);
            waiting.delete(prefix);
          } catch (error) {
            if (signal.aborted) return;
            // It never will; `doctor` says what that means.
            if (isGroundcrewError(error, 'storage/cannot-list')) {
              waiting.delete(prefix);
              continue;
            }
            logger.warn('what was sealed cannot be tidied; it will be tried again', { prefix, why: errorLine(error) });
            await sleep(clock, retryMs, signal);
          }
        }
        if (waiting.size === 0) await bell.wait(null, signal);
      }
    },
  };
}
