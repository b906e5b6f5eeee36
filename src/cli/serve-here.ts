import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { ProcessLock } from '../base/process-lock.ts';
import type { Project } from '../config/project-settings.ts';
import type { Settings, WorkerSettings } from '../config/settings.ts';
import type { StatePaths } from '../config/state-dir.ts';
import type { CliContext } from './cli-context.ts';
import { copyExample } from './example-project.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { runServer, type RunningServer, type ServerParts } from './run-server.ts';
import { tellRuns } from './tell-runs.ts';
import { runWorker, type WorkerParts } from './run-worker.ts';
import type { ServeOrder, UpOrder, WorkerOrder } from './wiring.ts';

/** How the rooms are opened; `Shared` is what server and worker of one process have in common, `ForWorker` the worker's part. */
export interface Openers<Shared extends ForWorker & AnyShared, ForWorker extends AnyShared> {
  holdLock(paths: StatePaths): Promise<ProcessLock>;
  openShared(settings: Settings, context: CliContext): Promise<Shared>;
  /** For a worker in a process of its own. */
  openForWorker(settings: Settings, context: CliContext): Promise<ForWorker>;
  /** `settings` are those of the order, as the person at the terminal wants them. */
  openServerParts(
    shared: Shared,
    order: ServeOrder,
    settings: Settings,
    context: CliContext,
    signal: AbortSignal,
  ): Promise<ServerParts>;
  openWorkerParts(
    shared: ForWorker,
    settings: Settings,
    worker: WorkerSettings,
    context: CliContext,
    signal: AbortSignal,
  ): Promise<WorkerParts>;
}

interface AnyShared {
  readonly logger: WorkerParts['logger'];
  /** Aborts, with the reason, when another server took our place at the broker (R15). */
  readonly ousted: AbortSignal;
  close(): Promise<void>;
}

/** `up`: server and worker in one process, until interrupted. */
export async function upHere<Shared extends ForWorker & AnyShared, ForWorker extends AnyShared>(
  open: Openers<Shared, ForWorker>,
  order: UpOrder,
  context: CliContext,
): Promise<ExitCode> {
  const settings = forPeople(order.settings, context);
  await using _lock = await open.holdLock(settings.paths);
  const projects = order.isExample ? [...order.projects, await copyExample(settings, context)] : order.projects;
  const shared = await open.openShared(settings, context);
  const failed = new AbortController();
  // Neither part goes on without the other: half of it would look alive and do nothing.
  const signal = AbortSignal.any([context.interruption(), shared.ousted, failed.signal]);
  try {
    await using parts = closing(await open.openServerParts(shared, { ...order, projects }, settings, context, signal));
    const running = await runServer(parts, { ...order, projects }, signal);
    const forgetHangups = reloadAtHangup(parts, context);
    await announce({ ...parts, running }, projects, context, signal);
    const working = open.openWorkerParts(shared, settings, order.worker, context, signal).then(async (worker) => {
      if (context.err.isTty) await context.err.line(`jobs     run ${worker.runsIn}`);
      await runWorker(worker, order.worker, signal).finally(() => worker.close());
    });
    try {
      await Promise.all([running.server.done, working]);
    } finally {
      failed.abort();
      forgetHangups();
      await Promise.allSettled([running.server.done, working]);
      await running.close();
    }
    shared.ousted.throwIfAborted();
    await sayGoodbye(context);
    return exitCode.interrupted;
  } finally {
    await shared.close();
  }
}

/** `server`: everything but running jobs. */
export async function serveHere<Shared extends ForWorker & AnyShared, ForWorker extends AnyShared>(
  open: Openers<Shared, ForWorker>,
  order: ServeOrder,
  context: CliContext,
): Promise<ExitCode> {
  const settings = forPeople(order.settings, context);
  await using _lock = await open.holdLock(settings.paths);
  const shared = await open.openShared(settings, context);
  const signal = AbortSignal.any([context.interruption(), shared.ousted]);
  try {
    await using parts = closing(await open.openServerParts(shared, order, settings, context, signal));
    const running = await runServer(parts, order, signal);
    const forgetHangups = reloadAtHangup(parts, context);
    await announce({ ...parts, running }, order.projects, context, signal);
    try {
      await running.server.done;
    } finally {
      forgetHangups();
      await running.close();
    }
    shared.ousted.throwIfAborted();
    return exitCode.interrupted;
  } finally {
    await shared.close();
  }
}

/** `worker`: runs jobs of the server that has the same state directory, or speaks to the same broker. */
export async function workHere<Shared extends ForWorker & AnyShared, ForWorker extends AnyShared>(
  open: Openers<Shared, ForWorker>,
  order: WorkerOrder,
  context: CliContext,
): Promise<ExitCode> {
  const shared = await open.openForWorker(order.settings, context);
  const signal = context.interruption();
  try {
    const parts = await open.openWorkerParts(shared, order.settings, order.worker, context, signal);
    const isDraining = order.worker.onTerm === 'drain' && context.onStop !== undefined;
    const leaving = isDraining
      ? 'Ctrl-C finishes what runs and leaves; a second one hands it back'
      : 'Ctrl-C leaves (what runs goes on and is found again)';
    await context.err.line(`worker ${parts.name} takes jobs; ${leaving}`);
    const stops = isDraining ? (context.onStop?.bind(context) ?? null) : null;
    await runWorker(parts, order.worker, signal, stops).finally(() => parts.close());
    return signal.aborted ? exitCode.interrupted : exitCode.ok;
  } finally {
    await shared.close();
  }
}

/** Closes what the parts opened beside what is shared, once the loops have ended. */
function closing(parts: ServerParts): ServerParts & AsyncDisposable {
  return { ...parts, [Symbol.asyncDispose]: () => parts.close() };
}

/** SIGHUP reads the configuration anew. At a terminal it means that the terminal is gone, and ends us as always. */
function reloadAtHangup({ policy, logger }: ServerParts, context: CliContext): () => void {
  if (context.err.isTty || context.onHangup === undefined) return () => undefined;
  return context.onHangup(() => {
    logger.info('told to read the configuration anew');
    policy.reload();
  });
}

interface Announced {
  readonly running: RunningServer;
  readonly reader: ServerParts['reader'];
  readonly logger: Logger;
  readonly policy: ServerParts['policy'];
}

/**
 * Says where the pages are, and to a person then what happens. A pipe gets JSON lines and nothing else, and without the token, since such lines are kept
 * somewhere; `server.json` has it.
 */
async function announce(
  { running, reader, logger, policy }: Announced,
  projects: readonly Project[],
  { err }: CliContext,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = systemClock.monotonic();
  const readyAfter = async (): Promise<number> => {
    await running.ready;
    return Math.round(systemClock.monotonic() - startedAt);
  };
  if (!err.isTty) {
    for (const project of projects) logger.info('watching', { repo: project.name, at: placeOfProject(project) });
    logger.info('listening', { url: running.address });
    readyAfter().then(
      (tookMs) => {
        logger.info('ready', { tookMs });
      },
      // Whoever waits for the server says so.
      () => undefined,
    );
    return;
  }
  for (const project of projects)
    await err.line(`watching ${err.paint('bold', project.name)}  ${placeOfProject(project)}`);
  policy.onChange((changed) => {
    const names = changed.map(({ repo }) => repo).slice(0, 3);
    const more = changed.length > names.length ? ', …' : '';
    void err.line(`policy   ${policy.state().version} counts from now on for ${names.join(', ')}${more}`);
  });
  await err.line(`pages    ${err.paint('cyan', `${running.address}/#token=${running.token}`)}`);
  readyAfter().then(
    async (tookMs) => {
      await err.line(`ready    after ${String(tookMs)} ms; commit something, or press Ctrl-C to leave`);
      const { address } = running;
      await tellRuns(
        {
          reader,
          address,
          onChange: (listener) => {
            running.onChange(listener);
          },
        },
        err,
        signal,
      );
    },
    // Whoever waits for the server says so.
    () => undefined,
  );
}

/** A person at a terminal gets sentences about runs; of our own log then only what is wrong, unless more was asked for. */
function forPeople(settings: Settings, { err }: CliContext): Settings {
  const { level } = settings.logs;
  return err.isTty && level === 'info' ? { ...settings, logs: { ...settings.logs, level: 'warn' } } : settings;
}

function placeOfProject({ path, url, forge }: Project): string {
  return path ?? url ?? (forge === null ? '' : `on ${forge}`);
}

async function sayGoodbye({ err }: CliContext): Promise<void> {
  if (err.isTty)
    await err.line('left; what was running goes on by itself, and the next "groundcrew up" takes it up again');
}
