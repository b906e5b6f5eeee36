import { errorLine } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { checkedOut } from '../../core/job.ts';
import type { GrantSource } from '../../dispatch/give-grants.ts';
import type { Forge } from '../../forge/forge.ts';
import type { StoreGrants } from '../../storage/object-store.ts';

/** Nothing lies there: a form for it shows that the store can be granted. */
const trialPrefix = 'groundcrew-trial';

/**
 * What workers of other machines need of our forges and our store, as far as these give it. A store that was never reached cannot
 * say how its forms have to be; once it was, they are signed without it.
 */
export function grantSource(
  forges: ReadonlyMap<string, Forge>,
  store: StoreGrants,
  logger: Pick<Logger, 'warn' | 'info'>,
): GrantSource {
  let storeIs: 'ready' | 'tried' | 'away' | 'new' = store.isGranting ? 'new' : 'ready';
  const tryStore = (): void => {
    const before = storeIs;
    storeIs = 'tried';
    store.grantBelow(trialPrefix, 1_000).then(
      () => {
        storeIs = 'ready';
        if (before === 'away') logger.info('the store answers; jobs go out again');
      },
      (error: unknown) => {
        storeIs = 'away';
        if (before === 'new')
          logger.warn('the store is away, so nothing can be granted to workers; jobs wait', { why: errorLine(error) });
      },
    );
  };
  if (store.isGranting) tryStore();
  return {
    canGive(kinds) {
      if (!kinds.includes('store') || storeIs === 'ready') return true;
      if (storeIs !== 'tried') tryStore();
      return false;
    },
    kindsFor(job) {
      const canFetch = forges.get(checkedOut(job).forge)?.fetchGrant !== undefined;
      return [...(canFetch ? (['fetch'] as const) : []), ...(store.isGranting ? (['store'] as const) : [])];
    },
    fetchGrant: async ({ forge, repo }, signal) => (await forges.get(forge)?.fetchGrant?.(repo, signal)) ?? null,
    storeGrant: (prefix, validMs) => store.grantBelow(prefix, validMs),
  };
}
