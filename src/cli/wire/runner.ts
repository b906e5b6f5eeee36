import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { createGit } from '../../base/git.ts';
import { createGitMirrors } from '../../base/git-mirror.ts';
import { systemRandom } from '../../base/random.ts';
import { createSecrets } from '../../config/secrets.ts';
import type { Settings, WorkerSettings } from '../../config/settings.ts';
import type { UsableExecutors } from '../../executors/choose.ts';
import type { Executor } from '../../executors/executor.ts';
import { createPodmanExecutor } from '../../executors/podman/podman-executor.ts';
import { createProcessExecutor } from '../../executors/process/process-executor.ts';
import { apartPace, createChunkStreamer, localPace, remotePace, type StreamPace } from '../../logs/chunk-streamer.ts';
import { openJobLog } from '../../logs/job-log.ts';
import { endWords } from '../../report/words.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { LocalRunnerDeps } from '../../worker/local-runner.ts';
import type { CliContext } from '../cli-context.ts';
import type { RunnerPlace } from '../run-job-here.ts';
import { secretsOfJobs } from '../secrets-of-jobs.ts';
import { mirrorsDir } from './common-parts.ts';

const attachmentLimits = { files: 10_000, totalBytes: 4 * 2 ** 30 };
const gitMemoryBytes = 2 ** 30;
const slowTrialMs = 10_000;
const mostTrialMs = 120_000;

function stringEnv(context: Pick<CliContext, 'env'>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** All executors that we know, for runs below `dir`. */
export function executorsOf(
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
export async function runnerDeps(
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
  const { flushMs } = settings.logs;
  const flush = flushMs === null ? {} : { flushMs, firstFlushMs: 0 };
  const paceOf = (of: ObjectStore): StreamPace => {
    // What is granted is never on this machine.
    if (place.isStoreRemote === true || of !== store) return { ...remotePace, ...flush };
    return { ...(place.isApart === true ? apartPace : localPace), ...flush };
  };
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
    ...(place.grantedStore === undefined ? {} : { grantedStore: place.grantedStore }),
    openSink: (sink) =>
      createChunkStreamer({
        ...sink,
        visibility: 'public',
        clock: systemClock,
        random: systemRandom,
        pace: paceOf(sink.store),
      }),
    calmMs: (one) => paceOf(one).firstFlushMs,
    ...secretsOfJobs(createSecrets(settings.secrets, context.env)),
    attachmentLimits,
    ...(place.fetching === undefined ? {} : { fetchCredentials: place.fetching.fetchCredentials }),
    openJobLog,
    words: (end) => endWords(end.outcome, end.startedAt === null ? null : end.endedAt - end.startedAt),
  };
}
