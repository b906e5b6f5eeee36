import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isRolled, type LookAll } from './scan.ts';
import { withinTime } from './time-limit.ts';

/**
 * Requests an hour that the rolling pass may use: a twentieth of what GitHub gives a token or a small installation, 5,000.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export const rollingRequestsPerHour = 250;
const stepMs = 60_000;
/** Requests that may be saved up, so that a quiet hour does not end in a burst: five minutes of them. */
const savedShare = 1 / 12;
/** What was seen this recently (ms) is not read again, whatever is left to use. */
const freshMs = 10 * 60_000;
/** What could not be read is tried again after this (ms). */
const brokenRestMs = 3_600_000;
const longestPassMs = 120_000;

/** What the rolling pass needs. */
export interface RollingDeps {
  readonly ledger: Pick<Ledger, 'longestUnseen'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly requestsPerHour: number;
  readonly lookAll: LookAll;
}

/**
 * Reads again, at a bounded rate, what was not looked at for longest: a status that somebody else set changes no version of
 * its pull request, and one of ours that was lost shows nowhere else. Ends with the signal. A plain forge, which keeps no
 * statuses and has no bulk views, is read whole by each scan, and needs none of this.
 */
export async function runRolling(deps: RollingDeps, forge: Forge, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps;
  if (!isRolled(forge)) return;
  const most = deps.requestsPerHour * savedShare;
  const tried = new Map<string, number>();
  let saved = 0;
  let at = clock.monotonic();
  while (!signal.aborted) {
    await sleep(clock, stepMs, signal);
    if (signal.aborted) return;
    saved = Math.min(most, saved + ((clock.monotonic() - at) / 3_600_000) * deps.requestsPerHour);
    at = clock.monotonic();
    const limit = { clock, limitMs: longestPassMs, signal, what: `the rolling pass of ${forge.name}` };
    try {
      saved -= await withinTime(limit, (own) => pass(deps, forge, { requests: Math.floor(saved), tried }, own));
    } catch (error) {
      // What it used is not known: better too little than too much.
      saved = 0;
      if (!signal.aborted) logger.warn('the rolling pass failed', { forge: forge.name, why: errorLine(error) });
    }
  }
}

/** Uses up to so many requests; how many it was. */
async function pass(
  deps: RollingDeps,
  forge: Forge,
  { requests, tried }: { readonly requests: number; readonly tried: Map<string, number> },
  signal: AbortSignal,
): Promise<number> {
  const now = deps.clock.now();
  // What cannot be looked at stays the longest unseen; it comes last for a while, or it would be tried for ever.
  for (const [key, triedAt] of tried) if (now - triedAt > brokenRestMs || triedAt > now) tried.delete(key);
  const perRequest = forge.views === undefined ? 1 : Math.max(1, forge.placesPerRequest ?? 1);
  const most = requests * perRequest;
  const waiting: { readonly repo: string; readonly changeKey: string; readonly seenAt: number }[] = [];
  for (const repo of forge.repos()) {
    const places = await deps.ledger.longestUnseen(forge.name, repo, now - freshMs, most + tried.size);
    waiting.push(...places.filter(({ changeKey }) => !tried.has(changeKey)).map((place) => ({ ...place, repo })));
  }
  waiting.sort((a, b) => a.seenAt - b.seenAt);
  const chosen = new Map<string, string[]>();
  for (const { repo, changeKey } of waiting.slice(0, most)) chosen.set(repo, [...(chosen.get(repo) ?? []), changeKey]);
  let used = 0;
  for (const [repo, wanted] of chosen) {
    const keys = wanted.slice(0, (requests - used) * perRequest);
    if (keys.length === 0) break;
    used += Math.ceil(keys.length / perRequest);
    for (const key of keys) tried.set(key, now);
    const { failed } = await deps.lookAll(forge, repo, keys, signal);
    for (const key of keys) if (!failed.includes(key)) tried.delete(key);
  }
  return used;
}
