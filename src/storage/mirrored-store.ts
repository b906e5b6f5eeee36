import type { Clock } from '../base/clock.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { ObjectInfo, ObjectSource, ObjectStore, PutOptions } from './object-store.ts';

/** Deletions that a mirror owes; more are forgotten, and their copies stay until the mirror's own rules remove them. */
const mostOwed = 10_000;

/** Whoever failed is left alone for so long, so that a black hole costs its time-outs once, not with every object. */
const defaultPauseMs = 300_000;

/** How long the mirrors are asked before a primary that was away (ms). */
const primaryPauseMs = 30_000;

/** What several stores as one are made of. */
export interface MirroredStoreOptions {
  readonly primary: ObjectStore;
  readonly mirrors: readonly ObjectStore[];
  /** Hears of each failure of a mirror (by its place in `mirrors`), not of what is left out while it pauses. */
  readonly onTrouble: (mirror: number, error: unknown) => void;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly pauseMs?: number;
}

/**
 * `primary` decides: what it took is stored, what it refused is stored nowhere. After it, all mirrors at once get a copy of
 * what is not transient; one that fails never fails the caller. Readers fall over: to the mirrors, in their order, when the
 * primary has no such object or cannot say. A deletion that a mirror did not take is made up for with the next one, while this
 * process lives. What a mirror missed, `copyMissing` of `copy-missing.ts` brings it.
 */
export function createMirroredStore(options: MirroredStoreOptions): ObjectStore {
  const { primary, clock, onTrouble } = options;
  const mirrors = options.mirrors.map((store, index) => ({ store, index, owed: new Set<string>(), pausedUntil: -1 }));
  type Mirror = (typeof mirrors)[number];

  const isPaused = (mirror: Mirror): boolean => clock.monotonic() < mirror.pausedUntil;

  const failed = (mirror: Mirror, error: unknown): void => {
    mirror.pausedUntil = clock.monotonic() + (options.pauseMs ?? defaultPauseMs);
    onTrouble(mirror.index, error);
  };

  const onMirrors = async (work: (mirror: Mirror) => Promise<void>): Promise<void> => {
    await Promise.all(
      mirrors.map(async (mirror) => {
        if (isPaused(mirror)) return;
        await work(mirror).catch((error: unknown) => {
          failed(mirror, error);
        });
      }),
    );
  };

  const copy = async (key: string, source: ObjectSource, put: PutOptions): Promise<void> => {
    if (put.isTransient === true) return;
    // What is there again must not be deleted by an old debt.
    for (const { owed } of mirrors) owed.delete(key);
    await onMirrors(({ store }) => store.put(key, source, put));
  };

  /** A deleted object must not come back because a mirror has not deleted it yet. */
  const isOwed = (store: ObjectStore, key: string): boolean =>
    mirrors.some((mirror) => mirror.store === store && mirror.owed.has(key));

  // A primary that is away costs its tries with each question; for so long it is asked after the mirrors.
  let primaryLastUntil = -1;
  const isPrimaryLast = (): boolean => clock.monotonic() < primaryLastUntil;
  const primaryFailed = (error: unknown): void => {
    if (isGroundcrewError(error, 'storage/unavailable')) primaryLastUntil = clock.monotonic() + primaryPauseMs;
  };

  /** The first store that has it; the primary's failure when none has and the primary could not say. */
  const first = async <T>(ask: (store: ObjectStore) => Promise<T | null>): Promise<T | null> => {
    if (isPrimaryLast()) return (await askMirrors(ask)) ?? (await ask(primary));
    let failure: { readonly error: unknown } | null = null;
    try {
      const found = await ask(primary);
      if (found !== null) return found;
    } catch (error) {
      if (isGroundcrewError(error, 'storage/bad-key')) throw error;
      primaryFailed(error);
      failure = { error };
    }
    const found = await askMirrors(ask);
    if (found === null && failure !== null) throw failure.error;
    return found;
  };

  const askMirrors = async <T>(ask: (store: ObjectStore) => Promise<T | null>): Promise<T | null> => {
    for (const mirror of mirrors) {
      if (isPaused(mirror)) continue;
      try {
        const found = await ask(mirror.store);
        if (found !== null) return found;
      } catch (error) {
        if (isGroundcrewError(error, 'storage/bad-key')) throw error;
        failed(mirror, error);
      }
    }
    return null;
  };

  return {
    async put(key, source, put) {
      await primary.put(key, source, put);
      await copy(key, source, put);
    },

    async putIfAbsent(key, source, put) {
      if (!(await primary.putIfAbsent(key, source, put))) return false;
      await copy(key, source, put);
      return true;
    },

    get: (key, range) => first((store) => (isOwed(store, key) ? Promise.resolve(null) : store.get(key, range))),

    async *list(prefix) {
      const others = mirrors.map(({ store }) => store);
      yield* listFirst(isPrimaryLast() ? [...others, primary] : [primary, ...others], prefix);
    },

    async delete(key) {
      await primary.delete(key);
      for (const { owed } of mirrors) if (owed.size < mostOwed) owed.add(key);
      await onMirrors(async ({ store, owed }) => {
        for (const one of owed) {
          await store.delete(one);
          owed.delete(one);
        }
      });
    },

    address: (key, validMs) => first((store) => store.address(key, validMs)),
  };
}

/** One store's list; when it breaks, the next one goes on behind the last key that came. */
async function* listFirst(stores: readonly ObjectStore[], prefix: string): AsyncGenerator<ObjectInfo> {
  let last: Buffer | null = null;
  for (const [index, store] of stores.entries()) {
    try {
      for await (const one of store.list(prefix)) {
        const order = Buffer.from(one.key);
        if (last !== null && Buffer.compare(order, last) <= 0) continue;
        last = order;
        yield one;
      }
      return;
    } catch (error) {
      if (index === stores.length - 1) throw error;
    }
  }
}
