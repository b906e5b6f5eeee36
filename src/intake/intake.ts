import type { Clock } from '../base/clock.ts';
import { createLanes } from '../base/lanes.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Action } from '../core/action.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { decideChange } from '../decide/decide-change.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger, Stop } from '../ledger/ledger.ts';
import { createDeliveryLoop } from './deliveries.ts';
import { createForgeRest, type ForgeRest } from './forge-rest.ts';
import { createDeliveryHandler } from './handle-deliveries.ts';
import { lookAt, type LookReason, type LookResult } from './look.ts';
import type { PlanSource } from './plan-source.ts';
import { rollingRequestsPerHour, runRolling } from './rolling.ts';
import { createScanner, type ScanReport } from './scan.ts';
import { createSlots, type Slots } from './slots.ts';
import { takeSnapshot, viewPlace, type Place } from './snapshot.ts';

/**
 * Looks under way at one forge, of one repository there, and for scans. GitHub takes 100 requests at once from us, for all that
 * we do: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
const slotLimits = { most: 16, mostOfGroup: 8, mostPatient: 8 };

/** What intake needs. */
export interface IntakeDeps {
  readonly ledger: Ledger;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly plan: PlanSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A decision changed the ledger; these holdings should stop. */
  readonly onDecided: (stops: readonly Stop[]) => Promise<void>;
  /** What the rolling pass may use at each forge; `rollingRequestsPerHour` when absent. */
  readonly rollingRequestsPerHour?: number;
}

/** What would be decided at a place, and on what. */
export interface Peek {
  readonly snapshot: Snapshot;
  readonly actions: readonly Action[];
}

/**
 * Turns what happened outside into decisions (design §1.2, §1.3). An event is a hint; state is the truth. Places are looked at
 * one at a time each, and a bounded number at once, shared out between repositories.
 */
export interface Intake {
  /** Handles stored deliveries until the signal aborts; `wake` says that there are new ones. */
  run(signal: AbortSignal): Promise<void>;
  wake(): void;
  /**
   * Looks at the places of a repository that are not as they were; `isAnew`, at all of them. The first scan of each repository
   * in this life looks at all. Null: no such repository is configured.
   * @throws GroundcrewError when the forge cannot be listed, or time is over
   */
  scan(
    forge: string,
    repo: string,
    signal: AbortSignal,
    options?: { readonly isAnew?: boolean },
  ): Promise<ScanReport | null>;
  /** Ends what is underway at repositories that no forge watches any more; nobody would ever look there. */
  endRemoved(): Promise<void>;
  /** The policy is another one: the next scans look at everything. */
  forgetLooks(): void;
  /** Keeps reading what nobody looked at for long, at a bounded rate, until the signal aborts. */
  roll(signal: AbortSignal): Promise<void>;
  /** What a look would find and do now, without doing it. Null: there is no such place. */
  peek(forge: string, repo: string, changeKey: string, signal: AbortSignal): Promise<Peek | null>;
}

export function createIntake(deps: IntakeDeps): Intake {
  const { ledger, clock, logger, forges } = deps;
  const lookDeps = { ...deps, lanes: createLanes() };
  const scanLanes = createLanes();
  const slots = new Map<string, Slots>();
  const rests = new Map<string, ForgeRest>();
  const slotsOf = ({ name }: Forge): Slots => {
    const found = slots.get(name) ?? createSlots(slotLimits);
    slots.set(name, found);
    return found;
  };
  const restOf = ({ name }: Forge): ForgeRest => {
    const found = rests.get(name) ?? createForgeRest(clock);
    rests.set(name, found);
    return found;
  };

  /** A look, and then one at each place that it concerns, too. A chain of these ends: each stops only what is its own. */
  const look = async (place: Place, reason: LookReason, signal: AbortSignal): Promise<LookResult> => {
    const result = await lookAt(lookDeps, place, reason, signal);
    // Level-triggered: what was decided is looked at once more, whether or not the forge shows that anything moved.
    if (!result.isSettled) scanner.owe(place);
    for (const changeKey of result.neighbours) {
      const neighbour = { ...place, changeKey };
      try {
        await look(neighbour, { deliveries: [], isScan: false }, signal);
      } catch (error) {
        // What this look was for is done. A process that ends here looks at everything when it begins again.
        scanner.owe(neighbour);
        logger.warn('a place could not be looked at', { change: changeKey, why: errorLine(error) });
      }
    }
    return result;
  };
  const scanner = createScanner({
    ledger,
    clock,
    logger,
    look: (place, reason, signal) =>
      slotsOf(place.forge).take({ group: place.repo, isPatient: true }, () => look(place, reason, signal)),
  });
  // A scan that is asked for while one runs comes after it: that one may have listed before what is meant now.
  const scan = (forge: Forge, repo: string, isAnew: boolean, signal: AbortSignal): Promise<ScanReport> =>
    scanLanes.run(`${forge.name}|${repo}`, () => scanner.scan(forge, repo, { isAnew }, signal));

  const handle = createDeliveryHandler({
    ledger,
    forges,
    clock,
    logger,
    restOf,
    look: async (place, deliveries, signal) => {
      await look(place, { deliveries, isScan: false }, signal);
    },
    scan: async (forge, repo, signal) => {
      await scan(forge, repo, false, signal);
    },
  });
  const loop = createDeliveryLoop({
    ledger,
    clock,
    logger,
    handle: (changeKey, signal) => {
      const [name = '', repo = '', what] = changeKey.split('|');
      const forge = forges.get(name);
      // A scan takes its slots itself.
      if (forge === undefined || what === 'repository') return handle(changeKey, signal);
      return slotsOf(forge).take({ group: repo, isPatient: false }, () => handle(changeKey, signal));
    },
  });

  return {
    run: (signal) => loop.run(signal),
    wake() {
      loop.wake();
    },
    async scan(forgeName, repo, signal, { isAnew = false } = {}) {
      const forge = forges.get(forgeName);
      return forge?.repos().includes(repo) === true ? await scan(forge, repo, isAnew, signal) : null;
    },
    async endRemoved() {
      for (const { forge, repo } of await ledger.liveRepos()) {
        if (forges.get(forge)?.repos().includes(repo) === true) continue;
        const stops = await ledger.endRepo({ forge, repo }, clock.now());
        logger.info('a project is configured no more; what was underway there has ended', { forge, repo });
        await deps.onDecided(stops);
      }
    },
    forgetLooks() {
      scanner.forget();
    },
    async roll(signal) {
      const requestsPerHour = deps.rollingRequestsPerHour ?? rollingRequestsPerHour;
      const rolling = { ledger, clock, logger, requestsPerHour, lookAll: scanner.lookAll };
      await Promise.all([...forges.values()].map((forge) => runRolling(rolling, forge, signal)));
    },
    async peek(forgeName, repo, changeKey, signal) {
      const forge = forges.get(forgeName);
      if (forge === undefined) return null;
      const view = await viewPlace(deps, { forge, repo, changeKey }, signal);
      if (view === null) return null;
      const snapshot = await takeSnapshot(deps, { forge, view, deliveries: [] }, signal);
      return { snapshot, actions: decideChange(snapshot) };
    },
  };
}
