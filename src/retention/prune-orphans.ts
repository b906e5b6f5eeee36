import type { Ledger } from '../ledger/ledger.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Keys of one run that are held in memory; the rest of a larger one goes at the next pass. */
const mostKeys = 20_000;

/**
 * Removes what lies in the store for runs that the ledger does not know: those of `groundcrew run`, which no server ever saw,
 * and those of a ledger that was lost. All objects of such a run must be older than `before` (by the store's clock).
 * Reads the whole list of the store, so once a day is often enough. Returns how many objects went.
 */
export async function pruneOrphans(
  { ledger, store }: { readonly ledger: Ledger; readonly store: ObjectStore },
  before: number,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  const removeIfOrphan = async (run: OldRun): Promise<void> => {
    if (run.isYoung || run.idStart === null) return;
    if ((await ledger.unknownRuns([run.idStart])).length === 0) return;
    // Only what was listed: should the run begin just now, what it writes is none of this.
    for (const key of run.keys) {
      if (signal.aborted) return;
      await store.delete(key);
      removed += 1;
    }
  };
  let run = null as OldRun | null;
  for await (const { key, modifiedAt } of store.list('')) {
    if (signal.aborted) return removed;
    const prefix = key.split('/', 2).join('/');
    if (run?.prefix !== prefix) {
      if (run !== null) await removeIfOrphan(run);
      run = { prefix, idStart: idStartIn(key), keys: [], isYoung: false };
    }
    if (modifiedAt >= before) run.isYoung = true;
    if (run.isYoung) run.keys.length = 0;
    else if (run.keys.length < mostKeys) run.keys.push(key);
  }
  if (run !== null) await removeIfOrphan(run);
  return removed;
}

interface OldRun {
  readonly prefix: string;
  readonly idStart: string | null;
  readonly keys: string[];
  isYoung: boolean;
}

/** The digits of the job's id in `<repo>/<place>-<sha>-<context>-<id, 16 digits>/…`; null for what is not ours. */
function idStartIn(key: string): string | null {
  return /^[^/]+\/[^/]*-([0-9a-f]{16})\/\d+\.\d+-[^/]+\//.exec(key)?.[1] ?? null;
}
