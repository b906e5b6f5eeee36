import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { checkedOut } from '../../core/job.ts';
import type { GrantSource } from '../../dispatch/give-grants.ts';
import { createGrantTrials } from '../../dispatch/grant-trials.ts';
import type { Forge } from '../../forge/forge.ts';
import type { StoreGrants } from '../../storage/object-store.ts';

/** Nothing lies there: a form for it shows that the store can be granted. */
const trialPrefix = 'groundcrew-trial';
/** A token is kept by its forge for half an hour and more, so mostly this costs nothing (ms). */
const freshMs = 60_000;
const trialPatienceMs = 30_000;

/** No forge has a `|` in its name. */
const keyOf = ({ forge, repo }: { readonly forge: string; readonly repo: string }): string => `${forge}|${repo}`;
const placeOf = (key: string): { readonly forge: string; readonly repo: string } => {
  const bar = key.indexOf('|');
  return { forge: key.slice(0, bar), repo: key.slice(bar + 1) };
};

/**
 * What workers of other machines need of our forges and our store, as far as these give it. Both are tried before jobs leave for them:
 * each repository whose forge gives tokens, and the store, which cannot say how its forms have to be while it was never reached;
 * once it was, they are signed without it.
 */
export function grantSource(
  forges: ReadonlyMap<string, Forge>,
  store: StoreGrants,
  { clock, logger }: { readonly clock: Clock; readonly logger: Pick<Logger, 'warn' | 'info'> },
): GrantSource {
  const hearers = new Set<() => void>();
  const turned = (): void => {
    for (const hear of hearers) hear();
  };
  const failed = new Set<string>();
  /** Logs that `key` fails, once, and that it works again. */
  const log = (key: string, why: string | null, words: Readonly<Record<'away' | 'back', string>>): void => {
    const fields = key === '' ? {} : placeOf(key);
    if (why !== null && !failed.has(key)) logger.warn(words.away, { ...fields, why });
    if (why === null && failed.has(key)) logger.info(words.back, fields);
    if (why === null) failed.delete(key);
    else failed.add(key);
    turned();
  };
  const mint = async (
    key: string,
    signal: AbortSignal,
    isRefused = false,
  ): Promise<ReturnType<GrantSource['fetchGrant']>> => {
    const { forge, repo } = placeOf(key);
    return (await forges.get(forge)?.fetchGrant?.(repo, signal, isRefused)) ?? null;
  };
  const tokens = createGrantTrials({
    trial: (key) => mint(key, AbortSignal.timeout(trialPatienceMs)),
    freshMs,
    clock,
    onTurn: (key, why) => {
      log(key, why, {
        away: 'no token to fetch this repository can be had; its jobs wait',
        back: 'tokens to fetch this repository can be had again',
      });
    },
  });
  const stores = createGrantTrials({
    trial: () => store.grantBelow(trialPrefix, 1_000),
    freshMs: Infinity,
    clock,
    onTurn: (key, why) => {
      log(key, why, {
        away: 'the store is away, so nothing can be granted to workers; jobs wait',
        back: 'the store answers; jobs go out again',
      });
    },
  });
  const kindsFor: GrantSource['kindsFor'] = (job) => {
    const canFetch = forges.get(checkedOut(job).forge)?.fetchGrant !== undefined;
    return [...(canFetch ? (['fetch'] as const) : []), ...(store.isGranting ? (['store'] as const) : [])];
  };
  if (store.isGranting) stores.canGive('');
  return {
    kindsFor,
    canGive(job) {
      const kinds = kindsFor(job);
      // Both are asked, so that what fails is known at once.
      const canFetch = !kinds.includes('fetch') || tokens.canGive(keyOf(checkedOut(job)));
      const canStore = !kinds.includes('store') || stores.canGive('');
      return canFetch && canStore;
    },
    obstacles: () => [
      ...stores.failing().map(({ why }) => ({ of: 'store' as const, why })),
      ...tokens.failing().map(({ key, why }) => ({ of: 'fetch' as const, ...placeOf(key), why })),
    ],
    onTurn(hear) {
      hearers.add(hear);
    },
    async fetchGrant(subject, signal, isRefused) {
      const key = keyOf(subject);
      try {
        const grant = await mint(key, signal, isRefused);
        tokens.ended(key, null);
        return grant;
      } catch (error) {
        tokens.ended(key, error);
        throw error;
      }
    },
    fetchHint: ({ forge, repo }) => forges.get(forge)?.fetchHint?.(repo) ?? null,
    storeGrant: (prefix, validMs, takesForms) => store.grantBelow(prefix, validMs, takesForms),
  };
}
