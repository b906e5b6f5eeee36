import { checkedOut } from '../core/job.ts';
import type { GrantSource } from '../dispatch/give-grants.ts';
import type { Forge } from '../forge/forge.ts';
import type { StoreGrants } from '../storage/object-store.ts';

/** What workers of other machines need of our forges and our store, as far as these give it. */
export function grantSource(forges: ReadonlyMap<string, Forge>, store: StoreGrants): GrantSource {
  return {
    kindsFor(job) {
      const canFetch = forges.get(checkedOut(job).forge)?.fetchGrant !== undefined;
      return [...(canFetch ? (['fetch'] as const) : []), ...(store.isGranting ? (['store'] as const) : [])];
    },
    fetchGrant: async ({ forge, repo }, signal) => (await forges.get(forge)?.fetchGrant?.(repo, signal)) ?? null,
    storeGrant: (prefix, validMs) => store.grantBelow(prefix, validMs),
  };
}
