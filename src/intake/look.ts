import type { Clock } from '../base/clock.ts';
import type { Lanes } from '../base/lanes.ts';
import { sleep } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Action } from '../core/action.ts';
import type { Change } from '../core/change.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { decideChange } from '../decide/decide-change.ts';
import type { PlaceView } from '../forge/forge.ts';
import type { LastLook, Ledger, PendingDelivery, PlaceKnown, Stop } from '../ledger/ledger.ts';
import { takeSnapshot, viewPlace, type Place, type SnapshotDeps } from './snapshot.ts';
import { withinTime } from './time-limit.ts';

/** How often a view that may be behind its event, or behind the ledger, is fetched again, and after which pause (ms). */
const refetches = 3;
const refetchPauseMs = 1_000;
/** A look that takes longer has lost its way: it is given up, and made again later. */
const longestLookMs = 120_000;

/** What a look needs. */
export interface LookDeps extends SnapshotDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly lanes: Lanes;
  /** A decision changed the ledger; these holdings should stop. */
  readonly onDecided: (stops: readonly Stop[]) => Promise<void>;
}

/** A view that a scan brings. `at`: when it began to be fetched (our clock). */
export interface Fetched {
  readonly view: PlaceView | null;
  readonly before: PlaceKnown | null;
  readonly at: number;
}

/**
 * Why somebody looks: deliveries that are handled by it, or a scan, which may bring a view that it fetched, and what was known
 * of the open place before that.
 */
export interface LookReason {
  readonly deliveries: readonly PendingDelivery[];
  readonly isScan: boolean;
  readonly fetched?: Fetched;
}

/**
 * What came of it. `isChanged`: something was started, stopped or answered. `isSettled`: nothing was left to do. `neighbours`: places whose head is a commit of which
 * this look stopped a job; if it was theirs, too, it is theirs to ask for again (R13), and nothing tells them but we.
 */
export interface LookResult {
  readonly isChanged: boolean;
  readonly isSettled: boolean;
  readonly neighbours: readonly string[];
}

const unchanged: LookResult = { isChanged: false, isSettled: true, neighbours: [] };

/**
 * One look at one place: view, decide, apply, in its turn (design §1.2). The deliveries are ended in the transaction of the
 * actions, so dying anywhere here means looking again, and nothing else.
 * @throws GroundcrewError `intake/behind` when the forge keeps showing less than the ledger knows; `intake/too-slow`,
 *   `intake/stopped`; what the forge and the ledger throw
 */
export async function lookAt(
  deps: LookDeps,
  place: Place,
  reason: LookReason,
  signal: AbortSignal,
): Promise<LookResult> {
  const { clock, lanes } = deps;
  const limit = { clock, limitMs: longestLookMs, signal, what: `looking at ${place.changeKey}` };
  return lanes.run(place.changeKey, () => withinTime(limit, (own) => lookInTurn(deps, place, reason, own)));
}

async function lookInTurn(
  deps: LookDeps,
  place: Place,
  { deliveries, isScan, fetched }: LookReason,
  signal: AbortSignal,
): Promise<LookResult> {
  const { ledger, clock } = deps;
  // Somebody looked while the scan fetched its view, and may have seen more; if not, the next scan sees that.
  if (fetched !== undefined && !isStillKnownAs(await ledger.lastLook(place.changeKey), fetched.before))
    return unchanged;
  let given = fetched?.view ?? null;
  for (let again = 0; ; again += 1) {
    if (signal.aborted) throw stopped(place);
    const viewedAt = given === null ? clock.now() : (fetched?.at ?? clock.now());
    const view = given ?? (await viewPlace(deps, place, signal));
    given = null;
    if (view === null) {
      await Promise.all(deliveries.map(({ id }) => ledger.endDelivery(id, { kind: 'handled' }, clock.now())));
      return unchanged;
    }
    const mayRefetch = again < refetches;
    if (!(mayRefetch && (await isBehind(deps, view.change, deliveries)))) {
      const snapshot = await takeSnapshot(deps, { forge: place.forge, view, deliveries }, signal);
      if (signal.aborted) throw stopped(place);
      const actions = decideChange(snapshot);
      if (await apply(deps, { view, viewedAt, snapshot, actions, deliveries, isScan }))
        return {
          isChanged: actions.some(isWork),
          isSettled: actions.every(({ kind }) => kind === 'notice'),
          neighbours: await neighboursOf(deps, snapshot, actions),
        };
      if (!mayRefetch) {
        const message = `${place.repo}: the forge shows an older state than it did before`;
        throw new GroundcrewError('intake/behind', message, { retry: 'later' });
      }
    }
    await sleep(clock, refetchPauseMs, signal);
  }
}

/** False: a newer view was applied before, so nothing was. */
async function apply(
  deps: LookDeps,
  {
    view: { change, foreign },
    viewedAt,
    snapshot: { plan },
    actions,
    deliveries,
    isScan,
  }: Pick<LookReason, 'deliveries' | 'isScan'> & {
    readonly view: PlaceView;
    readonly viewedAt: number;
    readonly snapshot: Snapshot;
    readonly actions: readonly Action[];
  },
): Promise<boolean> {
  const applied = await deps.ledger.applyDecision({
    change,
    ...(foreign === undefined ? {} : { foreign }),
    ...(plan.kind === 'nothing' || plan.policyVersion === undefined ? {} : { policyVersion: plan.policyVersion }),
    actions,
    deliveryIds: deliveries.map((delivery) => delivery.id),
    now: deps.clock.now(),
    viewedAt,
    traceId: deliveries[0]?.traceId ?? deps.random.hex(16),
    isScan,
  });
  if (applied.kind === 'stale') return false;
  await deps.onDecided(applied.stops);
  return true;
}

async function neighboursOf(
  { ledger }: LookDeps,
  { change, jobs }: Snapshot,
  actions: readonly Action[],
): Promise<readonly string[]> {
  const stopped = new Set(
    actions.flatMap((action) => (action.kind === 'cancel' && action.reason !== 'person' ? [action.jobId] : [])),
  );
  const shas = new Set(jobs.filter((job) => stopped.has(job.id)).map((job) => job.sha));
  const found = await Promise.all([...shas].map((sha) => ledger.placesAtHead(change.forge, change.repo, sha)));
  return [...new Set(found.flat())].filter((changeKey) => changeKey !== change.key);
}

/** The view shows a head that we know already, while an event speaks of another: it is probably old. */
async function isBehind(
  { ledger }: LookDeps,
  change: Change,
  deliveries: readonly PendingDelivery[],
): Promise<boolean> {
  const shas = deliveries.flatMap(({ event }) => (event.kind === 'change' && event.sha !== null ? [event.sha] : []));
  if (shas.length === 0 || !change.isOpen || shas.includes(change.headSha)) return false;
  return (await ledger.lastChange(change.key))?.headSha === change.headSha;
}

function isStillKnownAs(last: LastLook | null, before: PlaceKnown | null): boolean {
  if (last?.change.isOpen !== true) return before === null;
  const { seenAt, change } = last;
  return seenAt === before?.seenAt && change.version === before.version && change.headSha === before.headSha;
}

function isWork({ kind }: Action): boolean {
  return kind !== 'notice' && kind !== 'restate' && kind !== 'restate-skip';
}

function stopped({ changeKey }: Place): GroundcrewError {
  return new GroundcrewError('intake/stopped', `looking at ${changeKey} was stopped`, { retry: 'later' });
}
