import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { UsageError, isGroundcrewError } from '../base/errors.ts';
import { createGit } from '../base/git.ts';
import { createGitMirrors } from '../base/git-mirror.ts';
import { createLogger, type Logger } from '../base/logger.ts';
import { holdServerLock, tryProcessLock } from '../base/process-lock.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase, type Database } from '../base/sqlite.ts';
import { giveBackSpace } from '../base/sqlite-space.ts';
import { createSecrets } from '../config/secrets.ts';
import { gitForgeName, type Project } from '../config/project-settings.ts';
import type { Settings, WorkerSettings } from '../config/settings.ts';
import { prepareStateDir, signingKey, type StatePaths } from '../config/state-dir.ts';
import type { Executor } from '../executors/executor.ts';
import { createPodmanExecutor } from '../executors/podman/podman-executor.ts';
import { createProcessExecutor } from '../executors/process/process-executor.ts';
import type { UsableExecutors } from '../executors/choose.ts';
import { createGitForge } from '../forge/git/git-forge.ts';
import { hasHooks, installHooks, removeHooks } from '../forge/git/hook.ts';
import { createPolicyPlan } from '../intake/plan-from-policy.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../ledger/sqlite/reader.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { createChunkStreamer, localPace } from '../logs/chunk-streamer.ts';
import { openJobLog } from '../logs/job-log.ts';
import { readLog } from '../logs/log-reader.ts';
import { openEmbeddedQueue } from '../queue/embedded/embedded-queue.ts';
import type { Queue } from '../queue/queue.ts';
import { whyWaiting } from '../report/waiting-words.ts';
import { endWords, standingWords } from '../report/words.ts';
import { createDirectoryStore, type DirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { defaultRetryPlan } from '../decide/retry-plan.ts';
import type { OpenLog, RunWords } from '../web/web-deps.ts';
import { entryPoints } from '../worker/entry-point.ts';
import { createLocalRunner, type LocalRunnerDeps } from '../worker/local-runner.ts';
import { readRunRecords } from '../worker/run-record.ts';
import type { CliContext } from './cli-context.ts';
import { runJobHere, type RunnerPlace } from './run-job-here.ts';
import type { ServerParts } from './run-server.ts';
import type { WorkerParts } from './run-worker.ts';
import { workerName } from './run-worker.ts';
import { secretsOfJobs } from './secrets-of-jobs.ts';
import { tidyingOf } from './tidying.ts';
import type { Wiring } from './wiring.ts';

const logPollMs = 100;
const attachmentLimits = { files: 10_000, totalBytes: 4 * 2 ** 30 };
const gitMemoryBytes = 2 ** 30;
const slowTrialMs = 10_000;
const mostTrialMs = 120_000;

/** What server and worker of one process share. */
export interface SharedParts {
  readonly database: Database;
  readonly queue: Queue;
  readonly store: DirectoryStore;
  readonly logger: Logger;
  close(): Promise<void>;
}

function stringEnv(context: Pick<CliContext, 'env'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function loggerOf(settings: Settings, context: CliContext): Logger {
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

const mirrorsDir = (settings: Settings): string => join(settings.paths.cacheDir, 'mirrors');

const openStore = (paths: StatePaths): Promise<DirectoryStore> =>
  createDirectoryStore({ root: paths.storeDir, clock: systemClock });

/** Ledger file, embedded queue and store of this machine. */
async function openShared(settings: Settings, context: CliContext): Promise<SharedParts> {
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

function openLogOf(store: ObjectStore): OpenLog {
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

function wordsOf(reader: LedgerReader | null): RunWords {
  return {
    whyWaiting: async (run, position) => whyWaiting(run, position, (await reader?.workers()) ?? [], systemClock.now()),
    standing: (run) => standingWords(run, null),
  };
}

/** The server's rooms over what is shared. */
function openServerParts(
  shared: SharedParts,
  settings: Settings,
  projects: readonly Project[],
  context: CliContext,
): ServerParts {
  const { paths } = settings;
  const { database, queue, store, logger } = shared;
  const forge = createGitForge({
    name: gitForgeName,
    repos: projects.map((project) => ({
      name: project.name,
      remote: project.path ?? project.url ?? '',
      branches: project.branches,
      trustPulls: project.isTrustingPulls,
      ...(project.mainBranch === null ? {} : { mainBranch: project.mainBranch }),
      ...(project.pollMs === null ? {} : { pollMs: project.pollMs }),
    })),
    spoolDir: paths.hookDir,
    stateDir: join(paths.stateDir, 'forge'),
    git: createGit(context.env),
    clock: systemClock,
    logger,
  });
  const forges = new Map([[forge.name, forge]]);
  const reader = openSqliteLedgerReader(database);
  return {
    ledger: openSqliteLedger(database, { retryPlan: { ...defaultRetryPlan, attempts: settings.dispatch.attempts } }),
    reader,
    queue,
    store,
    forges,
    plan: createPolicyPlan({
      policyOf: (_forge, repo) => projects.find((project) => project.name === repo)?.policy ?? null,
      forges,
      entryPoints,
    }),
    openLog: openLogOf(store),
    words: wordsOf(reader),
    signingKey: signingKey(paths),
    runRecords: async (job) => (await readRunRecords(store, job)).map((record) => record.finished),
    clock: systemClock,
    random: systemRandom,
    logger,
    version: context.version,
    retention: {
      sweepStore: (olderThanMs) => store.sweep(olderThanMs),
      giveBackSpace: () => giveBackSpace(database),
      keepRunsMs: settings.retention.runsMs,
    },
  };
}

function executorsOf(
  settings: Settings,
  dir: string,
  owner: string,
  context: CliContext,
): { readonly podman: Executor; readonly process: Executor } {
  return {
    podman: createPodmanExecutor({
      owner,
      runsDir: join(dir, 'podman-runs'),
      cacheDir: settings.paths.cacheDir,
      env: stringEnv(context),
    }),
    process: createProcessExecutor({ runsDir: join(dir, 'process-runs') }),
  };
}

/** Executors that proved themselves, as far as the operator wants them. */
async function usableExecutors(
  all: ReturnType<typeof executorsOf>,
  asked: WorkerSettings['executor'],
  { logger, isOneRun }: Pick<RunnerPlace, 'logger' | 'isOneRun'>,
  signal: AbortSignal,
): Promise<UsableExecutors> {
  if (asked === 'docker')
    throw new UsageError('cli/no-docker', 'docker is not supported yet: use --executor podman or --executor process');
  const wanted = asked === 'auto' ? [all.podman, all.process] : [all[asked]];
  const usable = await Promise.all(
    wanted.map(async (executor) => {
      // Jobs wait for this: a runtime that hangs is said soon, and given up at last.
      const slow = systemClock.after(slowTrialMs, () => {
        logger.warn(`executor ${executor.name}: no answer yet; no job starts before there is one`);
      });
      const limit = AbortSignal.timeout(mostTrialMs);
      // One job is its own trial, and a container before it would double its time.
      const known = isOneRun === true ? await executor.recall?.() : null;
      const trial = known ?? (await executor.trial(AbortSignal.any([signal, limit])));
      slow.cancel();
      const finding = limit.aborted && !trial.isUsable ? 'no answer within two minutes; is it stuck?' : trial.finding;
      logger[trial.isUsable ? 'info' : 'warn'](`executor ${executor.name}: ${finding}`, {
        tookMs: Math.round(trial.tookMs),
      });
      return trial.isUsable ? executor : null;
    }),
  );
  return {
    container: usable.find((executor) => executor?.isIsolating === true) ?? null,
    process: usable.find((executor) => executor?.isIsolating === false) ?? null,
  };
}

/** What runs jobs on this machine, with its directory below `dir`. */
async function runnerDeps(
  place: RunnerPlace,
  settings: Settings,
  worker: WorkerSettings,
  context: CliContext,
  signal: AbortSignal,
): Promise<LocalRunnerDeps> {
  const { dir, owner, store, logger } = place;
  const git = createGit(context.env);
  const mirrors = createGitMirrors({
    git,
    cacheDir: mirrorsDir(settings),
    depth: null,
    clock: systemClock,
  });
  const all = executorsOf(settings, dir, owner, context);
  const pace = { ...localPace, flushMs: settings.logs.flushMs };
  return {
    checkout: { git, mirrors, keepFreeBytes: worker.minFreeDiskBytes, gitMemoryBytes },
    executors: await usableExecutors(all, worker.executor, place, signal),
    knownExecutors: [all.podman, all.process],
    askedExecutor: worker.executor,
    defaultImage: worker.defaultContainer,
    graceMs: worker.graceMs,
    minFreeBytes: worker.minFreeDiskBytes,
    clock: systemClock,
    attemptsDir: join(dir, 'attempts'),
    store,
    logger,
    openSink: (sink) =>
      createChunkStreamer({ ...sink, store, visibility: 'public', clock: systemClock, random: systemRandom, pace }),
    ...secretsOfJobs(createSecrets(settings.secrets, context.env)),
    attachmentLimits,
    openJobLog,
    words: (end) => endWords(end.outcome, end.startedAt === null ? null : end.endedAt - end.startedAt),
  };
}

/** A worker of this machine; one name is one process. */
async function openWorkerParts(
  shared: SharedParts,
  settings: Settings,
  worker: WorkerSettings,
  context: CliContext,
  signal: AbortSignal,
): Promise<WorkerParts> {
  const name = workerName(worker);
  const dir = join(settings.paths.workerDir, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = tryProcessLock(join(dir, 'lock'));
  if (lock === null) {
    throw new UsageError(
      'cli/worker-runs',
      `a worker named ${name} runs here already; give this one another name: --name`,
    );
  }
  // podman is one for the machine, and workers are named after the host: without the directory, the sweep of one
  // groundcrew would take the running containers of another.
  const place = createHash('sha256').update(dir).digest('hex').slice(0, 12);
  const owner = `groundcrew-${place}`;
  const deps = await runnerDeps({ ...shared, dir, owner }, settings, worker, context, signal);
  const { queue, logger } = shared;
  const { container, process: plain } = deps.executors;
  const runsIn = [
    ...(container === null ? [] : [`in ${container.name} where a container is named`]),
    ...(plain === null
      ? []
      : [`${container === null ? '' : 'else '}as plain processes of this user, isolated from nothing`]),
  ].join(', ');
  return {
    name,
    dir,
    lock,
    runsIn,
    queue,
    runner: createLocalRunner(deps),
    clock: systemClock,
    random: systemRandom,
    logger,
    version: context.version,
    tidying: tidyingOf({
      workerDir: settings.paths.workerDir,
      mirrorsDir: mirrorsDir(settings),
      executorsOfRun: (runDir, owner) => Object.values(executorsOf(settings, runDir, owner, context)),
      clock: systemClock,
      logger,
    }),
  };
}

/** R15: one server for one ledger. */
async function holdLock(paths: StatePaths): ReturnType<typeof holdServerLock> {
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

const servingParts = { holdLock, openShared, openServerParts, openWorkerParts };

/** Where adapters meet. */
export const wiring: Wiring = {
  openReader: async (paths) => {
    if (!existsSync(paths.ledgerFile)) return null;
    return openSqliteLedgerReader(openDatabase({ path: paths.ledgerFile, isReadOnly: true }));
  },
  openLogs: async (paths) => openLogOf(await openStore(paths)),
  words: { ...wordsOf(null) },
  // A third of all that is loaded is only for those who serve: `run` and the readers start without it.
  up: async (order, context) => (await import('./serve-here.ts')).upHere(servingParts, order, context),
  server: async (order, context) => (await import('./serve-here.ts')).serveHere(servingParts, order, context),
  worker: async (order, context) => (await import('./serve-here.ts')).workHere(servingParts, order, context),
  run: (order, context) =>
    runJobHere(
      {
        openStore,
        runnerDeps,
        createLocalRunner,
        loggerOf,
        cloneUrlOf: async (paths, job) => {
          const records = await readRunRecords(await openStore(paths), job);
          return records.at(-1)?.finished.envelope.cloneUrl ?? null;
        },
        git: createGit(context.env),
      },
      order,
      context,
    ),
  trials: async (settings, signal) => {
    const all = executorsOf(settings, join(settings.paths.workerDir, 'trial'), 'groundcrew-trial', {
      env: process.env,
    } as CliContext);
    return [
      { executor: 'podman', trial: await all.podman.trial(signal) },
      { executor: 'process', trial: await all.process.trial(signal) },
    ];
  },
  hasHook: ({ settings, dir }) => hasHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, env: process.env }),
  installHook: ({ settings, dir, isDryRun, isAppending }) =>
    installHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, append: isAppending, isDryRun, env: process.env }),
  removeHook: ({ settings, dir, isDryRun }) =>
    removeHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, isDryRun, env: process.env }),
};
