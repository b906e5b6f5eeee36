import type { ScheduleSlot } from '../core/forge-event.ts';
import type { PersonRequest } from '../core/request.ts';
import type { Plan, Snapshot } from '../core/snapshot.ts';
import { resumedSlot } from '../decide/resumed-slot.ts';
import type { Forge, PlaceView } from '../forge/forge.ts';
import type { Ledger, PendingDelivery } from '../ledger/ledger.ts';
import type { PlanSource } from './plan-source.ts';

/** Where to look. */
export interface Place {
  readonly forge: Forge;
  readonly repo: string;
  readonly changeKey: string;
}

/** What a snapshot is made of, besides the forge's view. */
export interface SnapshotDeps {
  readonly ledger: Pick<Ledger, 'lastLook' | 'doneRequests' | 'approvedShas' | 'jobsOfChange' | 'skippedContexts'>;
  readonly plan: PlanSource;
}

/** What the forge shows of a place; of one that was deleted, what we saw last, closed. Null: never seen, and not there. */
export async function viewPlace(
  { ledger }: Pick<SnapshotDeps, 'ledger'>,
  { forge, repo, changeKey }: Place,
  signal: AbortSignal,
): Promise<PlaceView | null> {
  return (await forge.view(repo, changeKey, signal)) ?? (await goneView({ ledger }, changeKey));
}

/** A place that was deleted: as we saw it last, closed; null when we never did. */
export async function goneView({ ledger }: Pick<SnapshotDeps, 'ledger'>, changeKey: string): Promise<PlaceView | null> {
  const last = await ledger.lastLook(changeKey);
  if (last === null) return null;
  return { change: { ...last.change, isOpen: false }, statuses: [], requests: [], approvedShas: [] };
}

/** The whole of what a decision may look at. Writes nothing. */
export async function takeSnapshot(
  deps: SnapshotDeps,
  seen: { readonly forge: Forge; readonly view: PlaceView; readonly deliveries: readonly PendingDelivery[] },
  signal: AbortSignal,
): Promise<Snapshot> {
  const { ledger } = deps;
  const { forge, view, deliveries } = seen;
  const { change } = view;
  const asked = [...view.requests, ...requestsOf(deliveries)];
  const [done, last, approved, jobs, skipped] = await Promise.all([
    ledger.doneRequests(asked.map((request) => request.id)),
    ledger.lastLook(change.key),
    ledger.approvedShas(change.key),
    ledger.jobsOfChange(change.key, change.headSha),
    ledger.skippedContexts(change.forge, change.repo, change.headSha),
  ]);
  const hasRun = view.statuses.some(({ jobId }) => jobId !== null) || jobs.some((job) => job.sha === change.headSha);
  const plan: Plan = change.isOpen ? await deps.plan(change, signal, { hasRun }) : { kind: 'checks', checks: [] };
  const known = {
    change,
    remembersStatuses: forge.remembersStatuses,
    statuses: view.statuses,
    requests: asked.map((request) => ({ ...request, isDone: request.isDone || done.has(request.id) })),
    approvedShas: [...view.approvedShas, ...approved],
    plan,
    jobs,
    // A head that we see for the first time has no age: GraphQL may read it from git, and its `updatedAt` from an older row.
    ...(last?.change.headSha === change.headSha ? { headSince: last.headSince } : {}),
    skipped,
  };
  return { ...known, slots: slotsOf(deliveries, known) };
}

function requestsOf(deliveries: readonly PendingDelivery[]): readonly PersonRequest[] {
  return deliveries.flatMap(({ event }) => (event.kind === 'request' ? [event.request] : []));
}

/** Slots that came; of one from before our time, what the forge shows as not yet judged. */
function slotsOf(deliveries: readonly PendingDelivery[], known: Snapshot): readonly ScheduleSlot[] {
  return deliveries.flatMap(({ event }) => {
    if (event.kind !== 'schedule') return [];
    if (event.isOnlyResumed !== true) return [event.slot];
    const resumed = resumedSlot(known, event.slot);
    return resumed === null ? [] : [resumed];
  });
}
