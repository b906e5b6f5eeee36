import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { UsageError, isGroundcrewError } from '../base/errors.ts';
import { createLogger, type Logger } from '../base/logger.ts';
import { holdServerLock } from '../base/process-lock.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase, type Database } from '../base/sqlite.ts';
import type { Settings } from '../config/settings.ts';
import { prepareStateDir, type StatePaths } from '../config/state-dir.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { readLog } from '../logs/log-reader.ts';
import { openEmbeddedQueue } from '../queue/embedded/embedded-queue.ts';
import type { Queue } from '../queue/queue.ts';
import { whyWaiting } from '../report/waiting-words.ts';
import { standingWords } from '../report/words.ts';
import { createDirectoryStore, type DirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { OpenLog, RunWords } from '../web/web-deps.ts';
import type { CliContext } from './cli-context.ts';

const logPollMs = 100;

/** What server and worker of one process share. */
export interface SharedParts {
  readonly database: Database;
  readonly queue: Queue;
  readonly store: DirectoryStore;
  readonly logger: Logger;
  close(): Promise<void>;
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

/** Logs and attachments of this machine. */
export const openStore = (paths: StatePaths): Promise<DirectoryStore> =>
  createDirectoryStore({ root: paths.storeDir, clock: systemClock });

/** Ledger file, embedded queue and store of this machine. */
export async function openShared(settings: Settings, context: CliContext): Promise<SharedParts> {
  const { paths } = settings;
  prepareStateDir(paths);
  const logger = loggerOf(settings, context);
  const database = openDatabase({ path: paths.ledgerFile });
  const directory = join(paths.stateDir, 'queue');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const queue = await openEmbeddedQueue({ database, directory, clock: systemClock, random: systemRandom, logger });
  return {
    database,
    queue,
    store: await openStore(paths),
    logger,
    async close() {
      await queue.close();
      await database.close();
    },
  };
}

/** Reads logs out of a store. */
export function openLogOf(store: ObjectStore): OpenLog {
  return ({ storePrefix, fromByte, follow }, signal) =>
    readLog({
      store,
      prefix: storePrefix,
      fromByte,
      clock: systemClock,
      pollMs: logPollMs,
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
