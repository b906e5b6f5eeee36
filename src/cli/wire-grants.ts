import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { readTextFile } from '../config/read-yaml.ts';
import type { StoreSettings } from '../config/store-settings.ts';
import type { Grant, StoreGrant } from '../core/grant.ts';
import { openGrantedStore } from '../storage/granted/granted-store.ts';
import type { StoreGrantSource } from '../storage/object-store.ts';
import type { AttemptGrants } from '../worker/grants.ts';
import type { LocalRunnerDeps } from '../worker/local-runner.ts';
import { prefixOfHolding } from '../worker/run-record.ts';

/** The store as one attempt may use it, with what the server granted to it. */
export function grantedStores({ caFile }: Pick<StoreSettings, 'caFile'>): NonNullable<LocalRunnerDeps['grantedStore']> {
  const ca = caFile === null ? {} : { ca: readTextFile(caFile) };
  return (holding, grants, life) =>
    openGrantedStore({
      grants: storeGrants(grants),
      prefix: prefixOfHolding(holding),
      signal: life,
      clock: systemClock,
      random: systemRandom,
      ...ca,
    });
}

/** The part of the grants that is for the store; one without it is refused, so that a whole one is asked for. */
function storeGrants(grants: AttemptGrants): StoreGrantSource {
  const whole = new WeakMap<StoreGrant, Grant>();
  return {
    async wait(signal) {
      const grant = await grants.wait(signal);
      const store = grant?.store ?? null;
      if (grant === null || store === null) return null;
      whole.set(store, grant);
      return store;
    },
    refuse(store) {
      const grant = whole.get(store);
      if (grant !== undefined) grants.refuse(grant);
    },
  };
}
