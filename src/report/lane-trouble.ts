import type { Clock } from '../base/clock.ts';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { backoffMs } from '../base/retry.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Write } from './next-write.ts';

const itemBackoff = { firstMs: 2_000, mostMs: 5 * 60_000, factor: 2 };
/** A forge that answers nothing is not asked for each thing again; short, so that its return is soon noticed. */
const awayBackoff = { firstMs: 5_000, mostMs: 60_000, factor: 2 };
const awayAfter = 3;
/** A limit that does not say how long. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit */
const limitBackoff = { firstMs: 60_000, mostMs: 10 * 60_000, factor: 2 };
/** So often the forge may refuse a thing for good before we believe it. */
const mostRefusals = 3;

/** What went wrong with one forge: decides whether the thing has to wait, or the forge, or whether it is given up. */
export interface LaneTrouble {
  /** Until when nothing is told (epoch ms); `now` or before: go on. */
  pausedUntil(now: number): number;
  /** `isLimitKnown`: the forge's allowance says itself how long nothing may be written there. */
  failed(error: unknown, write: Write, isLimitKnown: () => boolean): Promise<void>;
  succeeded(): void;
}

/** `forge`: its name. */
export function createLaneTrouble(
  forge: string,
  deps: { readonly ledger: Ledger; readonly clock: Clock; readonly random: Random; readonly logger: Logger },
): LaneTrouble {
  const { ledger, clock, logger } = deps;
  let [failures, limits] = [0, 0];
  let paused = Number.NEGATIVE_INFINITY;

  const pause = (forMs: number, message: string, why: string): void => {
    paused = clock.monotonic() + forMs;
    logger.warn(message, { forge, forMs, why });
  };

  /** Sets one thing aside, where people see it. A final is tried again each day (`Ledger.dueReports`). */
  const giveUp = async (write: Write, why: string): Promise<void> => {
    logger.error('the forge refuses this for good; given up', { ...about(write), why });
    if (write.kind === 'report') await ledger.reportRefused(write.report, why, clock.now());
    else if (write.kind === 'chore') await ledger.choreDone(write.chore);
    else await ledger.issueKept(write.issue, clock.now());
  };

  const comeBack = async (write: Write): Promise<void> => {
    const at = clock.now() + backoffMs(itemBackoff, triesOf(write) + 1, deps.random);
    if (write.kind === 'report') await ledger.reportFailed(write.report, at);
    else if (write.kind === 'chore') await ledger.choreFailed(write.chore, at);
    else await ledger.issueFailed(write.issue, at);
  };

  return {
    pausedUntil: (now) => now + paused - clock.monotonic(),
    async failed(error, write, isLimitKnown) {
      const why = errorLine(error);
      if (isGroundcrewError(error, 'forge/rate-limited') || isGroundcrewError(error, 'forge/unauthorized')) {
        // Says nothing against this thing: it stays due, and goes first when the forge takes something again.
        limits += 1;
        if (!isLimitKnown())
          pause(
            retryAfterMs(error) ?? backoffMs(limitBackoff, limits, deps.random),
            'the forge takes nothing for now',
            why,
          );
        return;
      }
      const isRefused = isGroundcrewError(error) && error.retry === 'never';
      if (!isRefused) {
        failures += 1;
        if (failures >= awayAfter)
          pause(backoffMs(awayBackoff, failures - awayAfter + 1, deps.random), 'the forge is away', why);
      }
      if (isRefused && triesOf(write) + 1 >= mostRefusals) {
        await giveUp(write, why);
        return;
      }
      logger.warn('the forge could not be told; it will be', { ...about(write), tries: triesOf(write) + 1, why });
      await comeBack(write);
    },
    succeeded() {
      [failures, limits] = [0, 0];
    },
  };
}

function triesOf(write: Write): number {
  if (write.kind === 'report') return write.report.tries;
  return write.kind === 'chore' ? write.chore.tries : write.issue.tries;
}

/** For the log. */
function about(write: Write): Readonly<Record<string, string>> {
  if (write.kind === 'chore') return { kind: write.chore.kind, repo: write.chore.repo };
  const { repo, context } = write.kind === 'report' ? write.report : write.issue;
  return { kind: write.kind, repo, context };
}

/** How long the forge asked us to wait, if it said so (ms). */
function retryAfterMs(error: object): number | null {
  return 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : null;
}
