import type { Clock } from '../../../base/clock.ts';
import { refuse, type Refusal } from './refusal.ts';

/** The two quotas that we use. */
export type Resource = 'core' | 'graphql';

/**
 * How much GitHub lets one principal do. Default: github.com's.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 * https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
 */
export interface LimitSettings {
  readonly corePerHour: number;
  readonly anonymousPerHour: number;
  readonly graphqlPerHour: number;
  /** Content that may be created. */
  readonly contentPerMinute: number;
  readonly contentPerHour: number;
  /** A read costs 1 point, a write 5. */
  readonly pointsPerMinute: number;
  readonly graphqlPointsPerMinute: number;
  readonly concurrent: number;
  /** GitHub answers either. */
  readonly status: 403 | 429;
}

export const githubLimits: LimitSettings = {
  corePerHour: 5000,
  anonymousPerHour: 60,
  graphqlPerHour: 5000,
  contentPerMinute: 80,
  contentPerHour: 500,
  pointsPerMinute: 900,
  graphqlPointsPerMinute: 2000,
  concurrent: 100,
  status: 403,
};

/** A quota as the headers tell it. `resetAt` in epoch ms. */
export interface Quota {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly resetAt: number;
}

/** What a request is going to do. */
export interface Demand {
  /** Who pays. */
  readonly key: string;
  readonly resource: Resource;
  readonly isWrite: boolean;
  readonly isContent: boolean;
}

/** The rate limits of everybody. */
export interface Limits {
  settings: LimitSettings;
  /** Null: go on, and call `done` once. Else the refusal to send. */
  admit(demand: Demand): Refusal | null;
  done(key: string): void;
  /** Takes from the primary quota. */
  charge(key: string, resource: Resource, cost: number): void;
  quota(key: string, resource: Resource): Quota;
  /** Sets what is left of a quota, e.g. 0: exhausted until its hour ends. */
  leave(key: string, resource: Resource, remaining: number): void;
  /** Forgets what was used. */
  reset(): void;
}

interface Used {
  core: { used: number; resetAt: number };
  graphql: { used: number; resetAt: number };
  /** Moments at which content was created, within the last hour. */
  content: number[];
  /** Moments and points, within the last minute. */
  points: { readonly at: number; readonly points: number; readonly resource: Resource }[];
  running: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const secondaryText =
  'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub ' +
  'Support for help, please include the request ID FAKE.';

export function createLimits(clock: Clock, settings: Partial<LimitSettings> = {}): Limits {
  const all = new Map<string, Used>();
  const usedBy = (key: string): Used => {
    const now = clock.now();
    const known = all.get(key) ?? {
      core: { used: 0, resetAt: now + hourMs },
      graphql: { used: 0, resetAt: now + hourMs },
      content: [],
      points: [],
      running: 0,
    };
    all.set(key, known);
    for (const resource of ['core', 'graphql'] as const) {
      if (known[resource].resetAt <= now) known[resource] = { used: 0, resetAt: now + hourMs };
    }
    known.content = known.content.filter((at) => at > now - hourMs);
    known.points = known.points.filter(({ at }) => at > now - minuteMs);
    return known;
  };
  const limits: Limits = {
    settings: { ...githubLimits, ...settings },
    admit(demand) {
      const now = clock.now();
      const used = usedBy(demand.key);
      const quota = limits.quota(demand.key, demand.resource);
      if (quota.remaining <= 0) {
        return refuse(
          limits.settings.status,
          `API rate limit exceeded for ${demand.key}.`,
          quotaHeaders(quota, demand.resource),
        );
      }
      if (used.running >= limits.settings.concurrent) return secondary(limits.settings.status, minuteMs);
      const { contentPerMinute, contentPerHour, pointsPerMinute, graphqlPointsPerMinute } = limits.settings;
      if (demand.isContent) {
        const last = used.content.filter((at) => at > now - minuteMs);
        if (last.length >= contentPerMinute)
          return secondary(limits.settings.status, (last[0] ?? now) + minuteMs - now);
        if (used.content.length >= contentPerHour) {
          return secondary(
            limits.settings.status,
            (used.content[used.content.length - contentPerHour] ?? now) + hourMs - now,
          );
        }
      }
      const points = demand.isWrite && demand.resource === 'core' ? 5 : 1;
      const most = demand.resource === 'core' ? pointsPerMinute : graphqlPointsPerMinute;
      const mine = used.points.filter(({ resource }) => resource === demand.resource);
      if (mine.reduce((sum, one) => sum + one.points, points) > most) {
        return secondary(limits.settings.status, (mine[0]?.at ?? now) + minuteMs - now);
      }
      if (demand.isContent) used.content.push(now);
      used.points.push({ at: now, points, resource: demand.resource });
      used.running += 1;
      return null;
    },
    done(key) {
      usedBy(key).running -= 1;
    },
    charge(key, resource, cost) {
      usedBy(key)[resource].used += cost;
    },
    quota(key, resource) {
      const { used, resetAt } = usedBy(key)[resource];
      const perHour = key === 'anonymous' ? limits.settings.anonymousPerHour : limits.settings.corePerHour;
      const limit = resource === 'graphql' ? limits.settings.graphqlPerHour : perHour;
      return { limit, used, remaining: Math.max(0, limit - used), resetAt };
    },
    leave(key, resource, remaining) {
      usedBy(key)[resource].used = limits.quota(key, resource).limit - remaining;
    },
    reset() {
      all.clear();
    },
  };
  return limits;
}

function secondary(status: number, waitMs: number): Refusal {
  return refuse(status, secondaryText, { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) });
}

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit */
export function quotaHeaders(quota: Quota, resource: Resource): Readonly<Record<string, string>> {
  return {
    'x-ratelimit-limit': String(quota.limit),
    'x-ratelimit-remaining': String(quota.remaining),
    'x-ratelimit-used': String(quota.used),
    'x-ratelimit-reset': String(Math.ceil(quota.resetAt / 1000)),
    'x-ratelimit-resource': resource,
  };
}
