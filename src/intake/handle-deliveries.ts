import { errorLine, isGroundcrewError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger, PendingDelivery } from '../ledger/ledger.ts';
import type { Handled } from './deliveries.ts';
import type { ForgeRest } from './forge-rest.ts';

/** A delivery whose handling failed so often is set aside (design §1). */
const mostFailures = 3;
/** So is one whose handling was begun so often: it may be what kills us. More often, since others kill us, too. */
const mostTries = 10;
/** Deliveries of one place that one look answers. */
const batch = 200;

/** What a delivery can lead to. */
export interface HandleDeps {
  readonly ledger: Ledger;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly restOf: (forge: Forge) => ForgeRest;
  /** Looks at a place; ends the deliveries. */
  readonly look: (
    place: { readonly forge: Forge; readonly repo: string; readonly changeKey: string },
    deliveries: readonly PendingDelivery[],
    signal: AbortSignal,
  ) => Promise<void>;
  /** Scans a repository; throws when it could not. */
  readonly scan: (forge: Forge, repo: string, signal: AbortSignal) => Promise<void>;
}

/** Handles what is stored for one key of `ForgeEvent.changeKey`: a place, a commit, or a whole repository. */
export function createDeliveryHandler(deps: HandleDeps): (changeKey: string, signal: AbortSignal) => Promise<Handled> {
  const { ledger, clock, logger } = deps;
  /** Failures that we saw, in this life, of deliveries that are still pending. */
  const failures = new Map<string, number>();

  const end = (
    deliveries: readonly PendingDelivery[],
    how: { readonly kind: 'handled' } | { readonly kind: 'parked'; readonly why: string },
  ): Promise<unknown> => {
    for (const { id } of deliveries) failures.delete(id);
    return Promise.all(deliveries.map(({ id }) => ledger.endDelivery(id, how, clock.now())));
  };

  /** Counts a try of each, before it is handled: what kills us in the handling is set aside in the end. */
  const begin = async (deliveries: readonly PendingDelivery[]): Promise<readonly PendingDelivery[]> => {
    const tries = await Promise.all(deliveries.map(({ id }) => ledger.beginDelivery(id)));
    const isHopeless = ({ id }: PendingDelivery, i: number): boolean =>
      (tries[i] ?? 0) > mostTries || (failures.get(id) ?? 0) >= mostFailures;
    const hopeless = deliveries.filter(isHopeless);
    if (hopeless.length > 0) await end(hopeless, { kind: 'parked', why: 'handling it failed too often' });
    return deliveries.filter((delivery) => !hopeless.includes(delivery));
  };

  const carryOut = async (
    forge: Forge,
    live: readonly PendingDelivery[],
    { event }: PendingDelivery,
    signal: AbortSignal,
  ): Promise<void> => {
    const { repo, changeKey } = event;
    if (event.kind === 'repository') {
      await deps.scan(forge, repo, signal);
      await end(live, { kind: 'handled' });
    } else if (event.kind === 'commit') {
      // A commit that is no head leads nowhere: what asks for it will be seen when it becomes one.
      for (const place of await ledger.placesAtHead(forge.name, repo, event.sha))
        await deps.look({ forge, repo, changeKey: place }, [], signal);
      await end(live, { kind: 'handled' });
    } else {
      await deps.look({ forge, repo, changeKey }, live, signal);
      for (const { id } of live) failures.delete(id);
    }
  };

  return async (changeKey, signal) => {
    const [forgeName = '', repo = ''] = changeKey.split('|');
    const forge = deps.forges.get(forgeName);
    const rest = forge === undefined ? null : deps.restOf(forge);
    if (rest?.isResting() === true) return 'later';
    const deliveries = await ledger.pendingDeliveries(batch, changeKey);
    if (deliveries.length === 0) return 'done';
    const handled = deliveries.length < batch ? 'done' : 'again';
    if (forge?.repos().includes(repo) !== true) {
      // Of a person's request somebody expects something; an event of what we do not watch is nothing that we missed.
      const isExpected = ({ event }: PendingDelivery): boolean => event.kind === 'request';
      await end(deliveries.filter(isExpected), { kind: 'parked', why: 'no such project' });
      await end(
        deliveries.filter((delivery) => !isExpected(delivery)),
        { kind: 'handled' },
      );
      return handled;
    }
    const live = await begin(deliveries);
    const [first] = live;
    if (first === undefined) return handled;
    try {
      await carryOut(forge, live, first, signal);
      rest?.answered();
      return handled;
    } catch (error) {
      // A forge that is away, or does not know us any more, and our own end say nothing against the delivery.
      const isAway = isGroundcrewError(error) && (error.retry !== 'never' || error.code === 'forge/unauthorized');
      if (isAway || signal.aborted) await Promise.all(live.map(({ id }) => ledger.forgiveDelivery(id)));
      else for (const { id } of live) failures.set(id, (failures.get(id) ?? 0) + 1);
      if (!signal.aborted) {
        if (isAway && error.code.startsWith('forge/')) rest?.wasAway();
        const fields = { change: changeKey, trace: first.traceId, why: errorLine(error) };
        logger.warn('an event could not be handled; it will be again', fields);
      }
      return 'later';
    }
  };
}
