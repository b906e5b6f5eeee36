import { sleep } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Job } from '../core/job.ts';
import type { JobEnvelope } from '../core/job-envelope.ts';
import { isVerdict } from '../core/outcome.ts';
import type { Snapshot } from '../core/snapshot.ts';
import type { Finished } from '../core/worker-message.ts';
import { decideChange } from '../decide/decide-change.ts';
import type { Forge, PlaceView } from '../forge/forge.ts';
import type { Ledger, NewDelivery } from '../ledger/ledger.ts';
import type { PlanSource } from './plan-source.ts';
import { takeSnapshot } from './snapshot.ts';

/** A forge that is away is asked again after this (ms). */
const awayPauseMs = 10_000;

/** What recovery needs. `vouched`: R10 for a record from the store. */
export interface RecoverDeps {
  readonly ledger: Ledger;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly plan: PlanSource;
  readonly runRecords: (job: Job) => Promise<readonly Finished[]>;
  readonly vouched: (worker: string, envelope: JobEnvelope) => boolean;
  /** Slots of schedules that an earlier life may have begun (`slotsToResume`). */
  readonly slots?: () => readonly NewDelivery[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * R9: after a lost ledger, results that reached the store but not the forge are read back, for every job that would
 * otherwise be started again. A forge that keeps no statuses asks for everything anew, so nothing is read for it.
 */
export async function recoverFromStore(deps: RecoverDeps, signal: AbortSignal): Promise<void> {
  for (const forge of deps.forges.values()) {
    if (!forge.remembersStatuses) continue;
    for (const repo of forge.repos()) {
      while (!signal.aborted) {
        try {
          await recoverRepo(deps, forge, repo, signal);
          break;
        } catch (error) {
          deps.logger.warn('recovery waits for the forge', { forge: forge.name, repo, why: errorLine(error) });
          await sleep(deps.clock, awayPauseMs, signal);
        }
      }
    }
  }
}

async function recoverRepo(deps: RecoverDeps, forge: Forge, repo: string, signal: AbortSignal): Promise<void> {
  const slots = deps.slots?.() ?? [];
  for await (const view of viewsOf(forge, repo, signal)) {
    if (signal.aborted) return;
    if (view === null) continue;
    const deliveries = slots
      .filter(({ event }) => event.changeKey === view.change.key)
      .map((delivery) => ({ ...delivery, tries: 0 }));
    const snapshot = await takeSnapshot(deps, { forge, view, deliveries }, signal);
    const known = withoutHold(withoutOpen(snapshot));
    // A slot's run answers the push as well, and would hide the push's own result; whoever looks next may not see the slot.
    const actions = [known, { ...known, slots: [] }].flatMap((each) => decideChange(each));
    const jobs = new Map(actions.flatMap((action) => (action.kind === 'enqueue' ? [[action.job.id, action.job]] : [])));
    for (const job of jobs.values()) await readBack(deps, job);
    // Nothing is told yet; afterwards the push's own result would hide what was asked later, also from a slot that comes again.
    await deps.ledger.keepWords(view.change, view.statuses);
  }
}

/**
 * Applies the verdicts that the store has of a job.
 * @throws what the store and the ledger throw
 */
export async function readBack(
  deps: Pick<RecoverDeps, 'runRecords' | 'ledger' | 'vouched' | 'clock' | 'logger'>,
  job: Job,
): Promise<void> {
  for (const record of verdictsOf(await deps.runRecords(job), job)) {
    const applied = await deps.ledger.finished(record, deps.vouched(record.worker, record.envelope), deps.clock.now());
    deps.logger.info('a result was read back from the store', {
      trace: record.envelope.traceId,
      job: job.id,
      applied: applied.kind,
    });
  }
}

/**
 * What a worker told of a holding that came to nothing makes its job wait here again, although another holding judged it: for
 * such a job the store is asked, too, whatever the forge shows.
 */
function withoutOpen(snapshot: Snapshot): Snapshot {
  const open = new Set<string>(snapshot.jobs.filter(({ isEnded }) => !isEnded).map(({ id }) => id));
  return {
    ...snapshot,
    jobs: snapshot.jobs.filter(({ id }) => !open.has(id)),
    statuses: snapshot.statuses.filter(({ jobId }) => jobId === null || !open.has(jobId)),
  };
}

/** What the change holds back by a label, its title or as a draft is wanted again when it lets go: its results are asked for now. */
function withoutHold(snapshot: Snapshot): Snapshot {
  const { plan } = snapshot;
  if (plan.kind === 'nothing') return snapshot;
  const checks = plan.checks.map((check) => (check.isHeld === true ? { ...check, isManual: false } : check));
  return { ...snapshot, plan: { ...plan, checks } };
}

/** Every place of a repository as it is now: in bulk where the forge can. */
async function* viewsOf(forge: Forge, repo: string, signal: AbortSignal): AsyncGenerator<PlaceView | null> {
  const keys = (await forge.places(repo, signal)).map((place) => place.changeKey);
  if (forge.views === undefined) for (const changeKey of keys) yield await forge.view(repo, changeKey, signal);
  else for await (const { view } of forge.views(repo, keys, signal)) yield view;
}

/** What judged the job, its newest generation first. A stray that was stopped, or what broke, is no result. */
function verdictsOf(records: readonly Finished[], job: Job): readonly Finished[] {
  return records
    .filter((record) => record.envelope.job.id === job.id && isVerdict(record.outcome))
    .sort((a, b) => b.envelope.generation - a.envelope.generation);
}
