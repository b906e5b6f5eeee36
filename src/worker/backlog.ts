/** What a worker may have lying about that others have not taken yet. Sizes are bytes. */
export interface BacklogLimits {
  /** Logs and attachments of ended attempts, on their way to the store. */
  readonly unsentBytes: number;
}

/** Ended attempts whose results are not in the store yet, and finals that the broker has not taken (R5). */
const mostAttempts = 200;
const mostFinals = 200;

/** Counts what waits on this disk, so that a worker stops taking jobs before the disk is full of results. */
export interface Backlog {
  /** The results of an ended attempt wait from now until `until` settles. */
  add(logBytes: number, until: Promise<unknown>): void;
  /** All of them are gone. */
  empty(): Promise<void>;
  readonly attempts: number;
  /** Why nothing more is taken, in one line; null: there is room. */
  refusal(): string | null;
}

export function createBacklog(deps: { readonly limits: BacklogLimits; readonly finals: () => number }): Backlog {
  const waiting = new Map<Promise<unknown>, number>();
  return {
    add(logBytes, until) {
      const gone = until.finally(() => waiting.delete(gone));
      waiting.set(gone, logBytes);
    },
    async empty() {
      await Promise.all(waiting.keys());
    },
    get attempts() {
      return waiting.size;
    },
    refusal() {
      const finals = deps.finals();
      if (finals >= mostFinals) return `${String(finals)} results wait for the broker`;
      if (waiting.size >= mostAttempts) return `the results of ${String(waiting.size)} runs wait for the store`;
      const bytes = [...waiting.values()].reduce((sum, each) => sum + each, 0);
      if (bytes < deps.limits.unsentBytes) return null;
      return `logs of ${String(Math.round(bytes / 2 ** 20))} MiB wait for the store (worker.maxUnsent)`;
    },
  };
}
