import { createBell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Change } from '../core/change.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { decideChange } from '../decide/decide-change.ts';
import type { Forge, PlaceView } from '../forge/forge.ts';
import type { Ledger, PendingDelivery, Stop } from '../ledger/ledger.ts';
import type { PlanSource } from './plan-source.ts';

/** A delivery whose handling failed so often is set aside (design §1). */
const mostFailures = 3;
/** So is one whose handling was begun so often: it may be what kills us. More often, since others kill us, too. */
const mostTries = 10;
const batch = 200;
/** How often a view that may be behind its event, or behind the ledger, is fetched again, and after which pause (ms). */
const refetches = 3;
const refetchPauseMs = 1_000;
/** A forge that is away is asked again after this (ms). */
const awayPauseMs = 10_000;

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
}

/** Turns what happened outside into decisions (design §1.2, §1.3). */
export interface Intake {
  /** Handles stored deliveries until the signal aborts; `wake` says that there are new ones. */
  run(signal: AbortSignal): Promise<void>;
  wake(): void;
  /** Looks at every place of a repository, as if something had happened there; one broken place never stops another. */
  scan(forge: string, repo: string, signal: AbortSignal): Promise<void>;
}

export function createIntake(deps: IntakeDeps): Intake {
  const { ledger, clock, logger } = deps;
  // Serial per pull request or branch: the tail of each place's queue.
  const tails = new Map<string, Promise<unknown>>();
  const bell = createBell(clock);

  const inTurn = <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const turn = (tails.get(key) ?? Promise.resolve()).then(work, work);
    const tail = turn
      .catch(() => undefined)
      .finally(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
    tails.set(key, tail);
    return turn;
  };

  /** One look at one place, with what was delivered for it. */
  const look = async (
    forge: Forge,
    repo: string,
    changeKey: string,
    deliveries: readonly PendingDelivery[],
    signal: AbortSignal,
  ): Promise<void> => {
    for (let again = 0; ; again += 1) {
      const snapshot = await takeSnapshot(forge, repo, changeKey, deliveries, signal);
      const mayRefetch = again < refetches && !signal.aborted;
      if (snapshot === null) {
        for (const { id } of deliveries) await ledger.endDelivery(id, { kind: 'handled' }, clock.now());
        return;
      }
      if (mayRefetch && (await isBehind(snapshot.change, deliveries))) {
        await sleep(clock, refetchPauseMs, signal);
        continue;
      }
      const traceId = deliveries[0]?.traceId ?? deps.random.hex(16);
      const applied = await ledger.applyDecision({
        change: snapshot.change,
        actions: decideChange(snapshot),
        deliveryIds: deliveries.map((delivery) => delivery.id),
        now: clock.now(),
        traceId,
      });
      if (applied.kind === 'applied') {
        await deps.onDecided(applied.stops);
        return;
      }
      if (!mayRefetch) return;
      await sleep(clock, refetchPauseMs, signal);
    }
  };

  /** The view shows a head that we know already, while an event speaks of another: it is probably old. */
  const isBehind = async (change: Change, deliveries: readonly PendingDelivery[]): Promise<boolean> => {
    const shas = deliveries.flatMap(({ event }) => (event.kind === 'change' && event.sha !== null ? [event.sha] : []));
    const last = shas.at(-1);
    if (last === undefined || !change.isOpen || shas.includes(change.headSha)) return false;
    return (await ledger.lastChange(change.key))?.headSha === change.headSha;
  };

  const takeSnapshot = async (
    forge: Forge,
    repo: string,
    changeKey: string,
    deliveries: readonly PendingDelivery[],
    signal: AbortSignal,
  ): Promise<Snapshot | null> => {
    const view = (await forge.view(repo, changeKey, signal)) ?? (await goneView(changeKey));
    if (view === null) return null;
    const { change } = view;
    const asked = [
      ...view.requests,
      ...deliveries.flatMap(({ event }) => (event.kind === 'request' ? [event.request] : [])),
    ];
    const done = await ledger.doneRequests(asked.map((request) => request.id));
    return {
      change,
      remembersStatuses: forge.remembersStatuses,
      statuses: view.statuses,
      requests: asked.map((request) => ({ ...request, isDone: request.isDone || done.has(request.id) })),
      approvedShas: [...view.approvedShas, ...(await ledger.approvedShas(changeKey))],
      plan: change.isOpen ? await deps.plan(change, signal) : { kind: 'checks', checks: [] },
      jobs: await ledger.jobsOfChange(changeKey, change.headSha),
    };
  };

  /** A place that was deleted: as we last saw it, closed. */
  const goneView = async (changeKey: string): Promise<PlaceView | null> => {
    const last = await ledger.lastChange(changeKey);
    return last === null ? null : { change: { ...last, isOpen: false }, statuses: [], requests: [], approvedShas: [] };
  };

  /** Failures that we saw, in this life, of deliveries that are still pending. */
  const failures = new Map<string, number>();

  const handle = async (
    changeKey: string,
    deliveries: readonly PendingDelivery[],
    signal: AbortSignal,
  ): Promise<'done' | 'later'> => {
    const live: PendingDelivery[] = [];
    for (const delivery of deliveries) {
      // Counted before it is handled: what kills us in the handling is set aside in the end.
      const tries = await ledger.beginDelivery(delivery.id);
      if (tries <= mostTries && (failures.get(delivery.id) ?? 0) < mostFailures) live.push(delivery);
      else {
        failures.delete(delivery.id);
        await ledger.endDelivery(delivery.id, { kind: 'parked', why: 'handling it failed too often' }, clock.now());
      }
    }
    const first = live[0];
    if (first === undefined) return 'done';
    const forge = deps.forges.get(first.event.forge);
    try {
      if (forge?.repos().includes(first.event.repo) !== true) {
        for (const { id } of live)
          await ledger.endDelivery(id, { kind: 'parked', why: 'no such project' }, clock.now());
        return 'done';
      }
      await look(forge, first.event.repo, changeKey, live, signal);
      for (const { id } of live) failures.delete(id);
      return 'done';
    } catch (error) {
      const isAway = isGroundcrewError(error) && error.retry !== 'never';
      for (const { id } of live) {
        // The forge being away says nothing against the delivery.
        if (isAway) await ledger.forgiveDelivery(id);
        else failures.set(id, (failures.get(id) ?? 0) + 1);
      }
      logger.warn('an event could not be handled; it will be again', {
        change: changeKey,
        trace: first.traceId,
        why: errorLine(error),
      });
      return 'later';
    }
  };

  return {
    wake() {
      bell.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        bell.reset();
        let result: 'done' | 'later' = 'done';
        try {
          const pending = await ledger.pendingDeliveries(batch);
          const byPlace = new Map<string, PendingDelivery[]>();
          for (const delivery of pending) {
            const key = delivery.event.changeKey;
            byPlace.set(key, [...(byPlace.get(key) ?? []), delivery]);
          }
          const results = await Promise.all(
            [...byPlace].map(([key, deliveries]) => inTurn(key, () => handle(key, deliveries, signal))),
          );
          if (results.includes('later')) result = 'later';
          else if (pending.length > 0) continue;
        } catch (error) {
          logger.error('intake failed; it will be tried again', { why: errorLine(error) });
          result = 'later';
        }
        await bell.wait(result === 'later' ? awayPauseMs : null, signal);
      }
    },
    async scan(forgeName, repo, signal) {
      const forge = deps.forges.get(forgeName);
      if (forge === undefined) return;
      const seen = (await forge.places(repo, signal)).map((place) => place.changeKey);
      const known = (await ledger.openPlaces(forgeName, repo)).map((place) => place.changeKey);
      for (const changeKey of new Set([...seen, ...known])) {
        if (signal.aborted) return;
        try {
          await inTurn(changeKey, () => look(forge, repo, changeKey, [], signal));
        } catch (error) {
          logger.warn('a place could not be looked at', { change: changeKey, why: errorLine(error) });
        }
      }
    },
  };
}
