import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

/** One thing that piles up on a worker's machine. `tidy` returns how many were removed. */
export interface TidyPart {
  readonly what: string;
  readonly tidy: (signal: AbortSignal) => Promise<number>;
}

/** A start has better things to do. */
const firstAfterMs = 60_000;
const everyMs = 3_600_000;

/** Tidies this machine a minute after the start and each hour, until the signal aborts. A part that fails stops no other. */
export async function runTidying(
  deps: { readonly parts: readonly TidyPart[]; readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  await sleep(deps.clock, firstAfterMs, signal);
  while (!signal.aborted) {
    for (const { what, tidy } of deps.parts) {
      if (signal.aborted) return;
      try {
        const removed = await tidy(signal);
        if (removed > 0) deps.logger.info(`removed ${what}`, { count: removed });
      } catch (error) {
        deps.logger.warn(`${what} could not be removed; it will be tried again`, { why: errorLine(error) });
      }
    }
    await sleep(deps.clock, everyMs, signal);
  }
}
