import type { Clock } from '../base/clock.ts';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Forge, PlaceSeen } from '../forge/forge.ts';
import type { Ledger, PlaceKnown } from '../ledger/ledger.ts';
import type { LookReason, LookResult } from './look.ts';
import type { Place } from './snapshot.ts';
import { withinTime } from './time-limit.ts';

/** A repository that takes longer is given up until the next scan; what was looked at by then counts. */
const longestScanMs = 5 * 60_000;
/**
 * A version that was this young (ms) when we looked may have been given to something that came after our look, too: GitHub's
 * `updated_at` has whole seconds, and its clock is not ours. Such a place is looked at once more.
 */
const youngVersionMs = 60_000;

/** What a scan did, for logs and people. `looked`: not the same as at the last look. `failed`: looked at again next time. */
export interface ScanReport {
  readonly places: number;
  readonly looked: number;
  readonly changed: number;
  readonly failed: number;
  readonly tookMs: number;
}

/** What a scan needs. */
export interface ScanDeps {
  readonly ledger: Pick<Ledger, 'openPlaces'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** One look, as soon as the forge has a slot for what can wait. */
  readonly look: (place: Place, reason: LookReason, signal: AbortSignal) => Promise<LookResult>;
}

/** Reads whole repositories, or many places of one. */
export interface Scanner {
  /**
   * Level-triggered: lists the repository, and looks at every place that is not as it was when it was looked at last, or that
   * is not listed any more. `isAnew`: at every place. One broken place never stops another.
   * @throws GroundcrewError when the listing fails, the forge is away, or time is over
   */
  scan(forge: Forge, repo: string, options: { readonly isAnew: boolean }, signal: AbortSignal): Promise<ScanReport>;
  /** Looks at these places, whatever is known of them; who failed is in the answer. */
  readonly lookAll: LookAll;
  /** The next scan looks at this place, whatever the listing shows of it. */
  owe(place: Place): void;
  /** Nothing that was seen so far counts: the policy may be another one. */
  forget(): void;
}

/** Looks at many places of a repository. */
export type LookAll = (forge: Forge, repo: string, keys: readonly string[], signal: AbortSignal) => Promise<LookedAll>;

/** What came of many looks. */
export interface LookedAll {
  readonly changed: number;
  readonly failed: readonly string[];
}

export function createScanner(deps: ScanDeps): Scanner {
  const { ledger, clock, logger } = deps;
  /** What the next scan of a repository must look at; a repository that is not here was not scanned in this life: all of it. */
  const owed = new Map<string, ReadonlySet<string>>();
  /** What comes on top of that since the last scan began. */
  const noted = new Map<string, Set<string>>();
  let forgotten = 0;

  const lookAll = async (
    forge: Forge,
    repo: string,
    keys: readonly string[],
    signal: AbortSignal,
    isScan = true,
  ): Promise<LookedAll> => {
    const left = new Set(keys);
    const failed: string[] = [];
    let changed = 0;
    let away: unknown = null;
    const looks: Promise<void>[] = [];
    const look = (changeKey: string, fetched?: LookReason['fetched']): void => {
      left.delete(changeKey);
      const reason = { deliveries: [], isScan, ...(fetched === undefined ? {} : { fetched }) };
      looks.push(
        deps.look({ forge, repo, changeKey }, reason, signal).then(
          (result) => {
            if (result.isChanged) changed += 1;
          },
          (error: unknown) => {
            failed.push(changeKey);
            if (!signal.aborted)
              logger.warn('a place could not be looked at', { change: changeKey, why: errorLine(error) });
          },
        ),
      );
    };
    if (forge.views !== undefined && keys.length > 1) {
      const known = new Map((await ledger.openPlaces(forge.name, repo)).map((place) => [place.changeKey, place]));
      const at = clock.now();
      try {
        for await (const { changeKey, view } of forge.views(repo, keys, signal)) {
          if (left.has(changeKey)) look(changeKey, { view, before: known.get(changeKey) ?? null, at });
        }
      } catch (error) {
        // What no single place can be blamed for ends the scan; else each of the rest gets its own chance below.
        if (signal.aborted || (isGroundcrewError(error) && error.retry !== 'never')) away = error;
        else logger.warn('many places at once could not be read', { forge: forge.name, repo, why: errorLine(error) });
      }
    }
    if (away === null) for (const changeKey of [...left]) look(changeKey);
    await Promise.all(looks);
    if (away !== null) {
      logger.warn('a repository could not be read to its end', { forge: forge.name, repo, why: errorLine(away) });
      failed.push(...left);
    }
    return { changed, failed };
  };

  const scanWithin = async (
    forge: Forge,
    repo: string,
    isAnew: boolean,
    signal: AbortSignal,
  ): Promise<Omit<ScanReport, 'tookMs'>> => {
    const key = `${forge.name}|${repo}`;
    // Also when this scan fails, the next one owes all of it.
    if (isAnew) owed.delete(key);
    const last = owed.get(key);
    const before = last === undefined ? undefined : new Set([...last, ...(noted.get(key) ?? [])]);
    if (before !== undefined) owed.set(key, before);
    noted.delete(key);
    const forgottenBefore = forgotten;
    const seen = await forge.places(repo, signal);
    const known = new Map((await ledger.openPlaces(forge.name, repo)).map((place) => [place.changeKey, place]));
    const listed = new Set(seen.map((place) => place.changeKey));
    const moved = seen.filter(
      (place) =>
        before === undefined ||
        before.has(place.changeKey) ||
        !isAsBefore(forge, place, known.get(place.changeKey), clock.now()),
    );
    const gone = [...known.keys()].filter((changeKey) => !listed.has(changeKey));
    const keys = [...moved.map((place) => place.changeKey), ...gone];
    // Until they are looked at, they are owed, whatever ends this scan. A repository that is new to us had no events to miss.
    owed.set(key, new Set(keys));
    const { changed, failed } = await lookAll(forge, repo, keys, signal, known.size > 0);
    if (forgotten === forgottenBefore) owed.set(key, new Set(failed));
    return { places: listed.size, looked: keys.length, changed, failed: failed.length };
  };

  return {
    lookAll: (forge, repo, keys, signal) => lookAll(forge, repo, keys, signal),
    owe({ forge, repo, changeKey }) {
      const key = `${forge.name}|${repo}`;
      noted.set(key, (noted.get(key) ?? new Set()).add(changeKey));
    },
    forget() {
      forgotten += 1;
      owed.clear();
    },
    async scan(forge, repo, { isAnew }, signal) {
      const began = clock.monotonic();
      const limit = { clock, limitMs: longestScanMs, signal, what: `the scan of ${repo}` };
      const done = await withinTime(limit, (own) => scanWithin(forge, repo, isAnew, own));
      const report = { ...done, tookMs: Math.round(clock.monotonic() - began) };
      const level = report.changed + report.failed > 0 ? 'info' : 'debug';
      logger[level]('a repository was scanned', { forge: forge.name, repo, ...report });
      return report;
    },
  };
}

/**
 * The listing shows it as it was when a decision looked at it last. Without a version (a branch) its head is all that could
 * have moved, besides statuses, which the rolling pass reads again where there is one.
 */
function isAsBefore(forge: Forge, seen: PlaceSeen, known: PlaceKnown | undefined, now: number): boolean {
  // Our clock was set back since: how young the version was is not known, and the rolling pass would come too late.
  if (known !== undefined && known.seenAt > now) return false;
  if (seen.headSha !== known?.headSha || seen.isDoubtful === true) return false;
  if (seen.version === undefined) return isRolled(forge);
  return seen.version === known.version && known.seenAt - known.version > youngVersionMs;
}

/**
 * The rolling pass reads this forge: all but a plain one, which each scan reads whole. In shadow mode we keep no statuses, and
 * yet compare those of others.
 */
export function isRolled(forge: Forge): boolean {
  return forge.remembersStatuses || forge.views !== undefined;
}
