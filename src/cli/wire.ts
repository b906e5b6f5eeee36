import { existsSync } from 'node:fs';
import { createGit } from '../base/git.ts';
import { silentLogger } from '../base/logger.ts';
import { hasHooks, installHooks, removeHooks } from '../forge/git/hook.ts';
import type { Settings } from '../config/settings.ts';
import type { CliContext } from './cli-context.ts';
import { findSubject, type FindParts } from './find-subject.ts';
import type { Openers } from './serve-here.ts';
import { createFetching } from './wire/fetching.ts';
import {
  holdLock,
  loggerOf,
  openForWorker,
  openLogOf,
  openShared,
  wordsOf,
  type SharedParts,
  type WorkerShared,
} from './wire/common-parts.ts';
import { openStores, tryStores } from './wire/store.ts';
import type { Wiring } from './wiring.ts';

const servingParts: Openers<SharedParts, WorkerShared> = {
  holdLock,
  openShared,
  openForWorker,
  // With it come the forges: only a server needs them.
  openServerParts: async (...given) => (await import('./wire/server.ts')).openServerParts(...given),
  openWorkerParts: async (...given) => (await import('./wire/worker.ts')).openWorkerParts(...given),
};

const cloneUrlOf =
  (settings: Settings, context: CliContext): FindParts['cloneUrlOf'] =>
  async (_, job) => {
    const { readRunRecords } = await import('../worker/run-record.ts');
    const stores = await openStores(settings.store, { env: context.env, logger: silentLogger });
    try {
      return (await readRunRecords(stores.store, job)).at(-1)?.finished.envelope.cloneUrl ?? null;
    } finally {
      await stores.close();
    }
  };

/** Where adapters meet. What a command does not need, it does not load: a part of the modules takes longer than some jobs. */
export const wiring: Wiring = {
  openReader: async (paths) => {
    if (!existsSync(paths.ledgerFile)) return null;
    const [{ openDatabase }, { openSqliteLedgerReader }] = await Promise.all([
      import('../base/sqlite.ts'),
      import('../ledger/sqlite/reader.ts'),
    ]);
    return openSqliteLedgerReader(openDatabase({ path: paths.ledgerFile, isReadOnly: true }));
  },
  openLogs: async (settings, { env }) => openLogOf(await openStores(settings.store, { env, logger: silentLogger })),
  words: { ...wordsOf(null) },
  // A third of all that is loaded is only for those who serve: `run` and the readers start without it.
  up: async (order, context) => (await import('./serve-here.ts')).upHere(servingParts, order, context),
  server: async (order, context) => (await import('./serve-here.ts')).serveHere(servingParts, order, context),
  worker: async (order, context) => (await import('./serve-here.ts')).workHere(servingParts, order, context),
  run: async (order, context) => {
    const { settings } = order;
    // A person watches the job's own output; of ours then only what is wrong.
    const quiet = loggerOf({ ...settings, logs: { ...settings.logs, level: 'error' } }, context);
    const fetching = createFetching(settings, context, quiet);
    const finding = {
      git: createGit(context.env),
      cloneUrlOf: cloneUrlOf(settings, context),
      fetchCredentials: fetching.fetchCredentials,
    };
    try {
      // git looks for the commit while what runs it is loaded.
      const [found, { runHere }] = await Promise.all([
        findSubject(finding, order, context.interruption()),
        import('./wire/run.ts'),
      ]);
      return await runHere(order, found, fetching, context);
    } finally {
      await fetching.close();
    }
  },
  trials: async (settings, signal) => {
    const { tryExecutors } = await import('./wire/trials.ts');
    return await tryExecutors(settings, { env: process.env } as CliContext, signal);
  },
  checkForge: async (settings, name, { env }, signal) => {
    const { createHostedForges } = await import('./wire/forges.ts');
    const hosted = createHostedForges({
      settings,
      projects: () => settings.projects,
      env,
      // What is wrong is told as findings.
      logger: silentLogger,
      cacheName: 'doctor',
    });
    try {
      return (await (await hosted.open(name))?.check(signal)) ?? [];
    } finally {
      await hosted.close();
    }
  },
  checkStores: async (settings, { env }) => {
    const stores = await openStores(settings.store, { env, logger: silentLogger });
    try {
      return await tryStores(stores);
    } finally {
      await stores.close();
    }
  },
  checkBroker: async (...given) => (await import('./wire/broker.ts')).checkBroker(...given),
  tendBroker: async (...given) => (await import('./wire/broker.ts')).tendBroker(...given),
  hasHook: ({ settings, dir }) => hasHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, env: process.env }),
  installHook: ({ settings, dir, isDryRun, isAppending }) =>
    installHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, append: isAppending, isDryRun, env: process.env }),
  removeHook: ({ settings, dir, isDryRun }) =>
    removeHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, isDryRun, env: process.env }),
};
