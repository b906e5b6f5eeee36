import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { tryProcessLock } from '../../base/process-lock.ts';
import { systemRandom } from '../../base/random.ts';
import type { Settings, WorkerSettings } from '../../config/settings.ts';
import { createLocalRunner } from '../../worker/local-runner.ts';
import type { CliContext } from '../cli-context.ts';
import type { WorkerParts } from '../run-worker.ts';
import { workerName } from '../run-worker.ts';
import { tidyingOf } from '../tidying.ts';
import { whenRoom } from '../when-room.ts';
import { createFetching } from './fetching.ts';
import { grantedStores } from './granted.ts';
import { executorsOf, runnerDeps } from './runner.ts';
import { mirrorsDir, type WorkerShared } from './common-parts.ts';

/** A worker of this machine; one name is one process. */
export async function openWorkerParts(
  shared: WorkerShared,
  settings: Settings,
  worker: WorkerSettings,
  context: CliContext,
  signal: AbortSignal,
): Promise<WorkerParts> {
  const name = knownName(worker, shared.identity);
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
  const fetching = createFetching(settings, context, shared.logger);
  const runnerPlace = {
    logger: shared.logger,
    store: shared.stores.primary.store,
    isStoreRemote: shared.stores.isRemote,
    isApart: settings.queue.kind === 'amqp',
    grantedStore: grantedStores(settings.store),
    dir,
    owner,
    fetching,
  };
  const deps = await whenRoom(() => runnerDeps(runnerPlace, settings, worker, context, signal), {
    clock: systemClock,
    logger: shared.logger,
    signal,
  });
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
    runner: createLocalRunner({ ...deps, gatherRemovalsMs }),
    clock: systemClock,
    random: systemRandom,
    logger,
    version: context.version,
    close: () => fetching.close(),
    tidying: tidyingOf({
      workerDir: settings.paths.workerDir,
      mirrorsDir: mirrorsDir(settings),
      executorsOfRun: (runDir, owner) => Object.values(executorsOf(settings, runDir, owner, context)),
      clock: systemClock,
      logger,
    }),
  };
}

/** Long enough that a busy worker starts one program for some short jobs; nobody waits for it but the disk. */
const gatherRemovalsMs = 500;

/** With a broker its user is the name: messages under any other would be refused. */
function knownName(worker: WorkerSettings, identity: string | null): string {
  if (identity === null) return workerName(worker);
  if (worker.name === null || worker.name === identity) return identity;
  const text = `this worker is to be called ${worker.name}, but the broker knows it as ${identity}; leave worker.name out`;
  throw new UsageError('cli/worker-name', text);
}
