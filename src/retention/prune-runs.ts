import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import { jobPrefix } from '../core/run-slug.ts';
import type { ForgettableCursor, ForgettableRun, Ledger } from '../ledger/ledger.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Runs in one look at the ledger, and so in one transaction. */
const batch = 50;
/** After each batch the others have the ledger and the disk for so long (ms). */
const pauseMs = 20;

/** What a pass over the old runs needs. */
export interface PruneRunsDeps {
  readonly ledger: Ledger;
  readonly store: ObjectStore;
  readonly clock: Clock;
}

/** What a pass did. `failed`: runs whose objects the store did not give up; they stay and come again. */
export interface PrunedRuns {
  readonly forgotten: number;
  readonly objects: number;
  readonly failed: number;
  /** The first failure in one line, or null. */
  readonly why: string | null;
}

/**
 * Takes what ended before `endedBefore` and is not needed any more out of the store, and then out of the ledger. In this order,
 * so that a crash in between leaves a run without objects, which the next pass finds again, and never objects that nobody
 * knows of. Ends early, with what it did so far, when the signal aborts.
 */
export async function pruneRuns(deps: PruneRunsDeps, endedBefore: number, signal: AbortSignal): Promise<PrunedRuns> {
  let [forgotten, objects, failed] = [0, 0, 0];
  let why: string | null = null;
  let after: ForgettableCursor | null = null;
  do {
    const page: Awaited<ReturnType<Ledger['forgettableRuns']>> = await deps.ledger.forgettableRuns(
      endedBefore,
      after,
      batch,
    );
    const emptied: { readonly jobId: ForgettableRun['job']['id']; readonly generation: number }[] = [];
    for (const run of page.runs) {
      if (signal.aborted) break;
      try {
        objects += await removeObjects(deps.store, run);
        emptied.push({ jobId: run.job.id, generation: run.generation });
      } catch (error) {
        // One that cannot be removed must not keep all that come after it.
        failed += 1;
        why ??= errorLine(error);
      }
    }
    if (emptied.length > 0) forgotten += await deps.ledger.forgetRuns(emptied, endedBefore);
    after = page.next;
    if (after !== null) await sleep(deps.clock, pauseMs, signal);
  } while (after !== null && !signal.aborted);
  return { forgotten, objects, failed, why };
}

/** Up to the generation that was seen: if the run opens again just now (R13), what it stores then has a higher one. */
async function removeObjects(store: ObjectStore, { job, generation }: ForgettableRun): Promise<number> {
  const prefix = `${jobPrefix(job)}/`;
  let removed = 0;
  for await (const { key } of store.list(prefix)) {
    const of = /^(\d+)\.\d+-/.exec(key.slice(prefix.length))?.[1];
    if (of === undefined || Number(of) > generation) continue;
    await store.delete(key);
    removed += 1;
  }
  return removed;
}
