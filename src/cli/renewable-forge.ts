import type { Forge } from '../forge/forge.ts';

/** A forge whose inside can be exchanged while it is in use. */
export interface RenewableForge {
  readonly forge: Forge;
  /** From now on every call goes to `next`; what runs in the old one ends there, and watching begins anew. */
  renew(next: Forge): void;
}

/**
 * Stands for a forge that reads its repositories once, at its making (plain git), so that an edit of the configuration needs
 * no restart. Only for forges without the optional parts of the port: it has none of them.
 */
export function createRenewableForge(first: Forge): RenewableForge {
  let inside = first;
  let renewed = new AbortController();
  const forge: Forge = {
    name: first.name,
    remembersStatuses: first.remembersStatuses,
    repos: () => inside.repos(),
    places: (repo, signal) => inside.places(repo, signal),
    view: (repo, changeKey, signal) => inside.view(repo, changeKey, signal),
    fileAt: (repo, sha, path, signal) => inside.fileAt(repo, sha, path, signal),
    headOf: (repo, ref, signal) => inside.headOf(repo, ref, signal),
    changedFiles: (repo, change, signal) => inside.changedFiles(repo, change, signal),
    cloneUrl: (repo) => inside.cloneUrl(repo),
    setStatus: (status, signal) => inside.setStatus(status, signal),
    rememberApproval: (repo, sha, by, signal) => inside.rememberApproval(repo, sha, by, signal),
    markRequestDone: (repo, requestId, signal, answer) => inside.markRequestDone(repo, requestId, signal, answer),
    async watch(hear, signal) {
      while (!signal.aborted) {
        const { signal: stale } = renewed;
        await inside.watch(hear, AbortSignal.any([signal, stale]));
        // Whoever watches for us wants to know of an end that we did not cause.
        if (!stale.aborted) return;
      }
    },
  };
  return {
    forge,
    renew(next) {
      const old = renewed;
      renewed = new AbortController();
      inside = next;
      old.abort();
    },
  };
}
