import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { createGit } from '../../src/base/git.ts';
import { createGitMirrors } from '../../src/base/git-mirror.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { Executor } from '../../src/executors/executor.ts';
import { openJobLog } from '../../src/logs/job-log.ts';
import { createDirectoryStore } from '../../src/storage/directory/directory-store.ts';
import type { LocalRunnerDeps } from '../../src/worker/local-runner.ts';

/** What a local runner stands on, below `root`: real git, mirrors and store, no executor that it may start, logs that go nowhere. */
export async function runnerDepsIn(root: string, known: Executor): Promise<LocalRunnerDeps> {
  const git = createGit(process.env);
  return {
    attemptsDir: join(root, 'attempts'),
    store: await createDirectoryStore({ root: join(root, 'store'), clock: systemClock }),
    logger: silentLogger,
    checkout: {
      git,
      mirrors: createGitMirrors({ git, cacheDir: join(root, 'mirrors'), depth: null, clock: systemClock }),
      keepFreeBytes: 0,
      gitMemoryBytes: 2 ** 30,
    },
    executors: { container: null, process: null },
    knownExecutors: [known],
    askedExecutor: 'auto',
    defaultImage: null,
    graceMs: 1000,
    minFreeBytes: 0,
    clock: systemClock,
    secretFiles: () => Promise.resolve({}),
    secretTexts: () => [],
    attachmentLimits: { files: 10, totalBytes: 1000 },
    openJobLog,
    openSink: () => ({ grew: () => undefined, seal: () => Promise.resolve() }),
    words: () => 'over',
  };
}
