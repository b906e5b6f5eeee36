/**
 * GitHub's limits for what makes content: 80 a minute, 500 an hour, and "wait at least one second between each request".
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 * https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
 */
export const writeLimits = { spacingMs: 1000, burst: 3, perMinute: 80, perHour: 500 } as const;

const minuteMs = 60_000;
const hourMs = 3_600_000;

/** Counts one account's writes. Times are epoch ms of our clock; a step back of it only makes us slower for a while. */
export interface WriteBudget {
  /** When the next write may go; `now` or before: at once. */
  readyAt(now: number): number;
  /** One goes now. */
  take(now: number): void;
  /** How many more may go in the hour that ends now. */
  leftThisHour(now: number): number;
}

/**
 * `recent`: writes of the last hour, of an earlier life of ours too, oldest first. After a rest a few may follow each other
 * at once (the first status of a push is quick, whatever else was just said); then one goes each second.
 */
export function createWriteBudget(
  recent: readonly number[] = [],
  limits: typeof writeLimits = writeLimits,
): WriteBudget {
  let times = [...recent];
  // The moment at which the burst is whole again; each write moves it on by one spacing.
  let wholeAt = (times.at(-1) ?? Number.NEGATIVE_INFINITY) + limits.spacingMs;
  /** The oldest of the newest `count` writes leaves its window then. */
  const windowEnd = (count: number, lengthMs: number): number => {
    const oldest = times.at(-count);
    return oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + lengthMs;
  };
  return {
    readyAt: () =>
      Math.max(
        wholeAt - (limits.burst - 1) * limits.spacingMs,
        windowEnd(limits.perMinute, minuteMs),
        windowEnd(limits.perHour, hourMs),
      ),
    take(now) {
      times = [...times.filter((at) => at > now - hourMs), now];
      wholeAt = Math.max(wholeAt, now) + limits.spacingMs;
    },
    leftThisHour: (now) => Math.max(0, limits.perHour - times.filter((at) => at > now - hourMs).length),
  };
}
