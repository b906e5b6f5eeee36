import { type Clock, sleep } from '../../../base/clock.ts';
import { GroundcrewError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import { limitOf, untilReset } from './github-error.ts';
import type { GitHubMeter, RequestKind, WaitReason } from '../github-meter.ts';
import type { GitHubReply } from './github-reply.ts';
import { createTurns, type Turns } from './turns.ts';
import type { WriteBudget } from './write-budget.ts';

/** Asks for the right to send one request. `kind` says which limits it counts against. */
export interface Passage {
  readonly kind: RequestKind;
  readonly signal: AbortSignal;
}

/** Lets requests of one account through, as fast as GitHub's limits allow and no faster. */
export interface Governor {
  /**
   * Resolves when the request may be sent, with what must be called after it: with the answer, or null when none came.
   * It tells whether GitHub refused for a limit; then nothing was done, and the same request may ask for passage again.
   * @throws GroundcrewError `forge/rate-limited` when it would have to wait longer than anybody should; `forge/aborted`
   */
  enter(passage: Passage): Promise<(reply: GitHubReply | null) => { readonly isLimited: boolean }>;
  /** When a write may go (epoch ms), and how many more in this hour. */
  allowance(): { readonly readyAt: number; readonly leftThisHour: number };
}

/** The limits that GitHub publishes are shared with whoever uses the same account; some is left for them. */
const minuteMs = 60_000;
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
const points = {
  rest: { perMinute: 900 * 0.9, read: 1, write: 5 },
  graphql: { perMinute: 2000 * 0.9, read: 1 },
} as const;
/** A caller waits this long at most; whoever has more time comes back later. */
const mostWaitMs = 90_000;
/** "Wait for at least one minute … an exponentially increasing amount of time between retries" (same page). */
const pause = { firstMs: 60_000, mostMs: 15 * 60_000 };
/** Waits shorter than this are counted but not logged: one a second would drown the rest. */
const loggedFromMs = 1500;
/** Taking one's turn without waiting takes a moment, too. */
const countedFromMs = 5;
/** Reads leave this part of the hour's quota to writes: verdicts matter more than looking. */
const reservedForWrites = 0.02;

interface Quota {
  readonly limit: number;
  readonly left: number;
  readonly resetAt: number;
}

export interface GovernorOptions {
  readonly forge: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: GitHubMeter;
  readonly budget: WriteBudget;
  /** A write goes now (epoch ms): to be remembered over a restart. */
  readonly onWrite: (at: number) => void;
  readonly concurrentReads: number;
}

export function createGovernor(options: GovernorOptions): Governor {
  const { forge, clock, random, logger, meter, budget } = options;
  const reads: Turns = createTurns(options.concurrentReads);
  // "Make requests serially" (best practices): at least what changes something.
  const writes: Turns = createTurns(1);
  const quotas = new Map<string, Quota>();
  let pausedUntil = 0;
  let pauses = 0;
  let spent: { readonly at: number; readonly points: number; readonly isGraphql: boolean }[] = [];

  /** Until when this request must wait, and why; null: it may go. */
  const obstacle = (kind: RequestKind, now: number): { readonly until: number; readonly why: WaitReason } | null => {
    const found: { until: number; why: WaitReason }[] = [{ until: pausedUntil, why: 'pause' }];
    const quota = quotas.get(kind === 'graphql' ? 'graphql' : 'core');
    const reserve = quota === undefined || kind === 'write' ? 0 : Math.floor(quota.limit * reservedForWrites);
    if (quota !== undefined && quota.left <= reserve) found.push({ until: quota.resetAt, why: 'quota' });
    const isGraphql = kind === 'graphql';
    const window = spent.filter((one) => one.isGraphql === isGraphql && one.at > now - minuteMs);
    const most = isGraphql ? points.graphql.perMinute : points.rest.perMinute;
    const oldest = window[0];
    if (oldest !== undefined && window.reduce((sum, one) => sum + one.points, 0) >= most) {
      found.push({ until: oldest.at + minuteMs, why: 'points' });
    }
    if (kind === 'write') found.push({ until: budget.readyAt(now), why: 'spacing' });
    const worst = found.reduce((a, b) => (b.until > a.until ? b : a));
    return worst.until > now ? worst : null;
  };

  const waitForIt = async ({ kind, signal }: Passage, since: number): Promise<void> => {
    for (;;) {
      if (signal.aborted) throw aborted();
      const now = clock.now();
      const wait = obstacle(kind, now);
      if (wait === null) return;
      const ms = wait.until - now;
      if (clock.monotonic() - since + ms > mostWaitMs) {
        const message = `GitHub's limits hold this request for ${Math.ceil(ms / 1000)} s more (${wait.why})`;
        throw new GroundcrewError('forge/rate-limited', message, { retry: 'later' });
      }
      if (ms >= loggedFromMs) logger.info('waiting before a request to GitHub', { forge, why: wait.why, ms, kind });
      meter.waited({ forge, why: wait.why, ms });
      await sleep(clock, ms, signal);
    }
  };

  const learn = (reply: GitHubReply): { readonly isLimited: boolean } => {
    const limit = Number(reply.headers.get('x-ratelimit-limit'));
    const left = Number(reply.headers.get('x-ratelimit-remaining') ?? Number.NaN);
    const resource = reply.headers.get('x-ratelimit-resource') ?? 'core';
    const resetMs = untilReset(reply.headers);
    if (limit > 0 && Number.isFinite(left) && resetMs !== null && resource.length < 40) {
      const resetAt = clock.now() + resetMs;
      // Answers overtake each other: within one hour the lower number is the newer one.
      const known = quotas.get(resource);
      const isSameHour = known !== undefined && Math.abs(known.resetAt - resetAt) < minuteMs && known.limit === limit;
      const quota = { limit, left: isSameHour ? Math.min(known.left, left) : left, resetAt };
      quotas.set(resource, quota);
      meter.quota({ forge, resource, ...quota });
    }
    const limited = limitOf(reply);
    if (limited === null) {
      if (reply.status < 400) pauses = 0;
      return { isLimited: false };
    }
    const grown = Math.min(pause.mostMs, pause.firstMs * 2 ** pauses);
    pauses += 1;
    // A little more than asked for: several processes must not come back in the same instant.
    // An end that is over already, by a clock that is ahead of ours, says nothing.
    const asked = limited.waitMs !== null && limited.waitMs > 0 ? limited.waitMs : grown;
    const waitMs = asked * (1 + 0.05 * random.fraction()) + 100;
    // The quota that is used up knows its own end, and says nothing of the other resource.
    const quota = quotas.get(resource);
    const isQuotaKnown = limited.kind === 'primary' && quota?.left === 0 && quota.resetAt > clock.now();
    if (!isQuotaKnown) pausedUntil = Math.max(pausedUntil, clock.now() + waitMs);
    logger.info('GitHub asks for a pause', { forge, why: limited.kind, ms: Math.round(waitMs), status: reply.status });
    return { isLimited: true };
  };

  return {
    async enter(passage) {
      const since = clock.monotonic();
      const turns = passage.kind === 'write' ? writes : reads;
      const leave = await turns.take(passage.signal);
      if (leave === null) throw aborted();
      try {
        const waited = clock.monotonic() - since;
        if (waited >= countedFromMs && passage.kind !== 'write') meter.waited({ forge, why: 'turn', ms: waited });
        await waitForIt(passage, since);
      } catch (error) {
        leave();
        throw error;
      }
      const now = clock.now();
      const cost = passage.kind === 'write' ? points.rest.write : 1;
      spent = [
        ...spent.filter((one) => one.at > now - minuteMs),
        { at: now, points: cost, isGraphql: passage.kind === 'graphql' },
      ];
      if (passage.kind === 'write') {
        budget.take(now);
        options.onWrite(now);
      }
      return (reply) => {
        leave();
        return reply === null ? { isLimited: false } : learn(reply);
      };
    },
    allowance() {
      const now = clock.now();
      return { readyAt: obstacle('write', now)?.until ?? now, leftThisHour: budget.leftThisHour(now) };
    },
  };
}

function aborted(): GroundcrewError {
  return new GroundcrewError('forge/aborted', 'a request to GitHub was given up by whoever asked for it', {
    retry: 'later',
  });
}
