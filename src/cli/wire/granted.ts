import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { readTextFile } from '../../config/read-yaml.ts';
import type { StoreSettings } from '../../config/store-settings.ts';
import type { Grant } from '../../core/grant.ts';
import { openGrantedStore } from '../../storage/granted/granted-store.ts';
import type { StoreGrantSource } from '../../storage/object-store.ts';
import type { AttemptGrants } from '../../worker/grants.ts';
import type { LocalRunnerDeps } from '../../worker/local-runner.ts';
import { prefixOfHolding } from '../../worker/run-record.ts';

/** How an attempt writes with what the server granted to it; certificates are those of this machine's configuration. */
export function grantedStores(settings: StoreSettings): NonNullable<LocalRunnerDeps['grantedStore']> {
  const ca = settings.caFile === null ? {} : { ca: readTextFile(settings.caFile) };
  return (holding, grants, life) =>
    openGrantedStore({
      grants: storeGrantsOf(grants),
      prefix: prefixOfHolding(holding),
      signal: life,
      clock: systemClock,
      random: systemRandom,
      ...ca,
    });
}

/** Of what was granted to an attempt, the part for the store. */
function storeGrantsOf(grants: AttemptGrants): StoreGrantSource {
  let last: Grant | null = null;
  return {
    async wait(signal) {
      last = await grants.wait(signal);
      return last?.store ?? null;
    },
    refuse(refused) {
      if (last?.store === refused) grants.refuse(last);
    },
  };
}
