import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UsageError, isGroundcrewError } from '../../base/errors.ts';
import { createLogger, type Logger } from '../../base/logger.ts';
import { holdServerLock } from '../../base/process-lock.ts';
import type { Database } from '../../base/sqlite.ts';
import type { Settings } from '../../config/settings.ts';
import { prepareStateDir, type StatePaths } from '../../config/state-dir.ts';
import type { LedgerReader } from '../../ledger/ledger-reader.ts';
import { readLog } from '../../logs/log-reader.ts';
import { whyWaiting } from '../../report/waiting-words.ts';
import { standingWords } from '../../report/words.ts';
import type { OpenLog, RunWords } from '../../web/web-deps.ts';
import type { CliContext } from '../cli-context.ts';
import type { LogFollowing } from '../log-following.ts';
import type { OpenQueue, QueuePlace } from './queue.ts';
import { openStores, type OpenStores } from './store.ts';

/** How often a log is looked at that may grow; in a store elsewhere each look is two requests. */
const localPollMs = 100;
const remotePollMs = 2_000;
/** Where beats tell: for those that get lost. */
const toldPollMs = 15_000;

/** What a worker stands on, in whatever process. */
export interface WorkerShared extends Omit<OpenQueue, 'close'> {
  readonly stores: OpenStores;
  readonly logger: Logger;
  close(): Promise<void>;
}

/** What server and worker of one process share. */
export interface SharedParts extends WorkerShared {
  readonly database: Database;
}

/** Our own log, to stderr. */
export function loggerOf(settings: Settings, context: CliContext): Logger {
  const { err } = context;
  return createLogger({
    level: settings.logs.level,
    isTerminal: err.isTty,
    hasColour: err.hasColour,
    write: (line) => {
      void err.write(line);
    },
  });
}

/** Where mirrors of repositories stand. */
export const mirrorsDir = (settings: Settings): string => join(settings.paths.cacheDir, 'mirrors');

/** What a server stands on: ledger file, queue and store. At a broker it has the place of the one server (R15). */
export async function openShared(settings: Settings, context: CliContext): Promise<SharedParts> {
  const place = placeOf(settings, context);
  // Whoever serves no queue starts without it.
  const [{ openDatabase }, { openServerQueue }] = await Promise.all([
    import('../../base/sqlite.ts'),
    import('./queue.ts'),
  ]);
  const database = openDatabase({ path: settings.paths.ledgerFile });
  let opened: OpenQueue | null = null;
  try {
    const open = (opened = await openServerQueue(place, database));
    const stores = await openStores(settings.store, place);
    return {
      ...open,
      database,
      stores,
      logger: place.logger,
      async close() {
        await open.close();
        await stores.close();
        await database.close();
      },
    };
  } catch (error) {
    await opened?.close();
    await database.close();
    throw error;
  }
}

/** What a worker in a process of its own stands on. With a broker between them it shares no file with the server. */
export async function openForWorker(settings: Settings, context: CliContext): Promise<WorkerShared> {
  const place = placeOf(settings, context);
  const { openWorkerQueue } = await import('./queue.ts');
  const opened = await openWorkerQueue(place);
  try {
    const stores = await openStores(settings.store, place);
    return {
      ...opened,
      stores,
      logger: place.logger,
      async close() {
        await opened.close();
        await stores.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function placeOf(settings: Settings, context: CliContext): QueuePlace {
  prepareStateDir(settings.paths);
  const { env, version } = context;
  return { settings, env, version, logger: loggerOf(settings, context), signal: context.interruption() };
}

/** Reads logs out of the stores. */
export function openLogOf(
  { store, isRemote }: Pick<OpenStores, 'store' | 'isRemote'>,
  following: Pick<LogFollowing, 'onGrowth'> | null = null,
): OpenLog {
  return ({ storePrefix, fromByte, follow }, signal) =>
    readLog({
      store,
      prefix: storePrefix,
      fromByte,
      clock: systemClock,
      pollMs: !isRemote ? localPollMs : following === null ? remotePollMs : toldPollMs,
      ...(following === null ? {} : { onGrowth: (wake) => following.onGrowth(storePrefix, wake) }),
      isFollowing: follow,
      signal,
    });
}

/** The sentences about runs; without a reader those that need no ledger. */
export function wordsOf(reader: LedgerReader | null): RunWords {
  return {
    whyWaiting: async (run, position) => whyWaiting(run, position, (await reader?.workers()) ?? [], systemClock.now()),
    standing: (run) => standingWords(run, null),
  };
}

/** R15: one server for one ledger. */
export async function holdLock(paths: StatePaths): ReturnType<typeof holdServerLock> {
  prepareStateDir(paths);
  try {
    return await holdServerLock(paths.lockFile);
  } catch (error) {
    if (!isGroundcrewError(error, 'lock/held')) throw error;
    throw new UsageError('cli/server-runs', `another groundcrew server uses ${paths.stateDir}: ${error.message}`, {
      cause: error,
    });
  }
}
