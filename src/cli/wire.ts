import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createGit } from '../base/git.ts';
import { silentLogger } from '../base/logger.ts';
import { openDatabase } from '../base/sqlite.ts';
import { hasHooks, installHooks, removeHooks } from '../forge/git/hook.ts';
import { openSqliteLedgerReader } from '../ledger/sqlite/reader.ts';
import { createLocalRunner } from '../worker/local-runner.ts';
import { readRunRecords } from '../worker/run-record.ts';
import type { CliContext } from './cli-context.ts';
import { runJobHere, type RunHereParts } from './run-job-here.ts';
import type { Openers } from './serve-here.ts';
import { createFetching } from './wire-fetching.ts';
import { holdLock, loggerOf, openLogOf, openShared, openStore, wordsOf, type SharedParts } from './wire-shared.ts';
import { executorsOf, openWorkerParts, runnerDeps } from './wire-worker.ts';
import type { Wiring } from './wiring.ts';

const servingParts: Openers<SharedParts> = {
  holdLock,
  openShared,
  // With it come the forges: only a server needs them.
  openServerParts: async (...given) => (await import('./wire-server.ts')).openServerParts(...given),
  openWorkerParts,
};

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
  run: async (order, context) => {
    const { settings } = order;
    // A person watches the job's own output; of ours then only what is wrong.
    const quiet = loggerOf({ ...settings, logs: { ...settings.logs, level: 'error' } }, context);
    const fetching = createFetching(settings, context, quiet);
    const parts: RunHereParts = {
      openStore,
      runnerDeps: (place, ...rest) => runnerDeps({ ...place, fetching }, ...rest),
      createLocalRunner,
      loggerOf,
      cloneUrlOf: async (paths, job) => {
        const records = await readRunRecords(await openStore(paths), job);
        return records.at(-1)?.finished.envelope.cloneUrl ?? null;
      },
      git: createGit(context.env),
      fetchCredentials: fetching.fetchCredentials,
    };
    try {
      return await runJobHere(parts, order, context);
    } finally {
      await fetching.close();
    }
  },
  trials: async (settings, signal) => {
    const all = executorsOf(settings, join(settings.paths.workerDir, 'trial'), 'groundcrew-trial', {
      env: process.env,
    } as CliContext);
    return [
      { executor: 'podman', trial: await all.podman.trial(signal) },
      { executor: 'process', trial: await all.process.trial(signal) },
    ];
  },
  checkForge: async (settings, name, { env }, signal) => {
    const { createHostedForges } = await import('./wire-forges.ts');
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
  hasHook: ({ settings, dir }) => hasHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, env: process.env }),
  installHook: ({ settings, dir, isDryRun, isAppending }) =>
    installHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, append: isAppending, isDryRun, env: process.env }),
  removeHook: ({ settings, dir, isDryRun }) =>
    removeHooks({ repoDir: dir, spoolDir: settings.paths.hookDir, isDryRun, env: process.env }),
};
