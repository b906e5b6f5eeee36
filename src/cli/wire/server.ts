import { systemClock } from '../../base/clock.ts';
import { errorLine } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import { giveBackSpace } from '../../base/sqlite-space.ts';
import { createLivePolicy, type LivePolicy } from '../../config/live-policy.ts';
import type { Settings } from '../../config/settings.ts';
import { signingKeys } from '../../config/signing-keys.ts';
import { defaultRetryPlan } from '../../decide/retry-plan.ts';
import type { Forge } from '../../forge/forge.ts';
import { createPolicyPlan } from '../../intake/plan-from-policy.ts';
import { openSqliteLedger } from '../../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../../ledger/sqlite/reader.ts';
import { createMetrics } from '../../metrics/catalog.ts';
import { entryPoints } from '../../worker/entry-point.ts';
import { createSealedKeeper } from '../../retention/keep-sealed.ts';
import { tidyLog, tidyLogs } from '../../logs/tidy-log.ts';
import { createLogFollowing } from '../log-following.ts';
import { prefixOfHolding, readRunRecords } from '../../worker/run-record.ts';
import type { CliContext } from '../cli-context.ts';
import { credentialsDir } from '../credentials-place.ts';
import { createPoolsOf } from '../pools-of-workers.ts';
import type { ServerParts } from '../run-server.ts';
import { hadEarlierLife } from '../earlier-life.ts';
import { createHostedForges, openGitForge, openWebhookReaders } from './forges.ts';
import { grantSource } from './grant-source.ts';
import { openLogOf, wordsOf, type SharedParts } from './common-parts.ts';
import type { ServeOrder } from '../wiring.ts';

/** The server's rooms over what is shared. */
export async function openServerParts(
  shared: SharedParts,
  order: ServeOrder,
  settings: Settings,
  context: CliContext,
  signal: AbortSignal,
): Promise<ServerParts> {
  const { paths } = settings;
  const { database, queue, stores, logger } = shared;
  const { store } = stores;
  const { env } = context;
  const keys = signingKeys(settings, env);
  const policy = livePolicy(order, logger);
  const metrics = createMetrics(context.version);
  const hosted = createHostedForges({
    settings,
    projects: () => policy.projects(),
    env,
    logger,
    meter: metrics.forges,
    cacheName: 'server',
  });
  try {
    const remote = await hosted.openAll();
    const forges = new Map<string, Forge>(
      [openGitForge(settings, policy, { env, logger }), ...remote].map((forge) => [forge.name, forge]),
    );
    const reader = openSqliteLedgerReader(database);
    // Whoever has store and worker on this machine looks as often as they like.
    const isApart = stores.isRemote || settings.queue.kind === 'amqp';
    const following = isApart ? createLogFollowing({ queue, clock: systemClock, logger }) : null;
    stores.filling.onState((mirror, isOk) => {
      metrics.storeMirrorIs(mirror, isOk);
    });
    const keeper = createSealedKeeper({
      tidy: (prefix) => tidyLog(stores.primary.store, prefix),
      copy: (prefix, stop) => stores.filling.fill(prefix, stop),
      clock: systemClock,
      logger,
    });
    const ledger = openSqliteLedger(database, {
      retryPlan: { ...defaultRetryPlan, attempts: settings.dispatch.attempts },
    });
    return {
      ledger,
      reader,
      queue,
      store,
      forges,
      policy,
      webhooks: await openWebhookReaders(remote, policy, { env, logger, signal }),
      plan: createPolicyPlan({
        policyOf: (forge, repo) => policy.policyOf(forge, repo),
        version: () => policy.state().version,
        forges,
        entryPoints,
      }),
      openLog: openLogOf(stores, following),
      ...(following === null ? {} : { watchLog: (attempt) => following.watch(attempt) }),
      onHeard: (message) => {
        following?.heard(message);
        if (message.kind === 'sealed') keeper.sealed(prefixOfHolding(message));
      },
      keepSealed: (stop) => keeper.run(stop),
      words: wordsOf(reader),
      identity: shared.identity,
      ...(settings.queue.kind === 'embedded'
        ? {}
        : {
            grants: grantSource(forges, stores.primary.grants, { clock: systemClock, logger }),
            poolsOf: createPoolsOf({ dir: credentialsDir(settings, undefined, context), clock: systemClock, logger }),
          }),
      hadEarlierLife:
        hadEarlierLife(paths) || (stores.isRemote && (await ledger.isFresh()) && (await holdsAny(shared))),
      signingKey: keys[0],
      verifyKeys: keys,
      runRecords: async (job) => (await readRunRecords(store, job)).map((record) => record.finished),
      clock: systemClock,
      random: systemRandom,
      logger,
      metrics,
      version: context.version,
      retention: {
        sweepStore: (olderThanMs) => stores.sweep(olderThanMs),
        tidyLogs: (stop) => tidyLogs(stores.primary.store, stop),
        fillMirrors: (stop) => stores.filling.fillAll(stop),
        giveBackSpace: () => giveBackSpace(database),
        keepRunsMs: settings.retention.runsMs,
      },
      close: () => hosted.close(),
    };
  } catch (error) {
    await hosted.close();
    throw error;
  }
}

/** The configuration's projects as the file says now, and those that the command line named. */
function livePolicy(order: ServeOrder, logger: SharedParts['logger']): LivePolicy {
  const { settings, projects, renewal } = order;
  return createLivePolicy({
    initial: settings,
    extra: projects.filter((project) => !settings.projects.includes(project)),
    file: renewal?.file ?? null,
    read: renewal?.read ?? (() => settings),
    clock: systemClock,
    logger,
  });
}

/** Whether the store has something already. One that is away may: what asking the workers costs is a quarter of a minute. */
async function holdsAny({ stores, logger }: Pick<SharedParts, 'stores' | 'logger'>): Promise<boolean> {
  try {
    for await (const _ of stores.store.list('')) return true;
    return false;
  } catch (error) {
    logger.warn('the store cannot be looked at', { why: errorLine(error) });
    return true;
  }
}
