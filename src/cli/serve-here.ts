import { systemClock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { ProcessLock } from '../base/process-lock.ts';
import type { Project, Settings, WorkerSettings } from '../config/settings.ts';
import type { StatePaths } from '../config/state-dir.ts';
import type { CliContext } from './cli-context.ts';
import { copyExample } from './example-project.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { runServer, type RunningServer, type ServerParts } from './run-server.ts';
import { runWorker, type WorkerParts } from './run-worker.ts';
import type { ServeOrder, UpOrder, WorkerOrder } from './wiring.ts';

/** How the rooms are opened; `Shared` is what server and worker of one process have in common. */
export interface Openers<Shared extends { readonly logger: WorkerParts['logger']; close(): Promise<void> }> {
  holdLock(paths: StatePaths): Promise<ProcessLock>;
  openShared(settings: Settings, context: CliContext): Promise<Shared>;
  openServerParts(shared: Shared, settings: Settings, projects: readonly Project[], context: CliContext): ServerParts;
  openWorkerParts(shared: Shared, settings: Settings, worker: WorkerSettings, context: CliContext, signal: AbortSignal): Promise<WorkerParts>;
}

interface AnyShared { readonly logger: WorkerParts['logger']; close(): Promise<void> }

/** `up`: server and worker in one process, until interrupted. */
export async function upHere<Shared extends AnyShared>(open: Openers<Shared>, order: UpOrder, context: CliContext): Promise<ExitCode> {
  const { settings } = order;
  await using _lock = await open.holdLock(settings.paths);
  const projects = order.isExample ? [...order.projects, await copyExample(settings, context)] : order.projects;
  const shared = await open.openShared(settings, context);
  const signal = context.interruption();
  try {
    const parts = open.openServerParts(shared, settings, projects, context);
    const running = await runServer(parts, { ...order, projects }, signal);
    await announce(running, projects, context);
    const working = open
      .openWorkerParts(shared, settings, order.worker, context, signal)
      .then((worker) => runWorker(worker, order.worker, signal));
    try {
      await Promise.all([running.server.done, working]);
    } finally {
      await running.close();
    }
    await sayGoodbye(context);
    return exitCode.interrupted;
  } finally {
    await shared.close();
  }
}

/** `server`: everything but running jobs. */
export async function serveHere<Shared extends AnyShared>(open: Openers<Shared>, order: ServeOrder, context: CliContext): Promise<ExitCode> {
  await using _lock = await open.holdLock(order.settings.paths);
  const shared = await open.openShared(order.settings, context);
  const signal = context.interruption();
  try {
    const parts = open.openServerParts(shared, order.settings, order.projects, context);
    const running = await runServer(parts, order, signal);
    await announce(running, order.projects, context);
    try {
      await running.server.done;
    } finally {
      await running.close();
    }
    return exitCode.interrupted;
  } finally {
    await shared.close();
  }
}

/** `worker`: runs jobs of the server that has the same state directory. */
export async function workHere<Shared extends AnyShared>(open: Openers<Shared>, order: WorkerOrder, context: CliContext): Promise<ExitCode> {
  const shared = await open.openShared(order.settings, context);
  const signal = context.interruption();
  try {
    const parts = await open.openWorkerParts(shared, order.settings, order.worker, context, signal);
    await context.err.line(`worker ${parts.name} takes jobs; Ctrl-C leaves (what runs goes on and is found again)`);
    await runWorker(parts, order.worker, signal);
    return exitCode.interrupted;
  } finally {
    await shared.close();
  }
}

async function announce(running: RunningServer, projects: readonly Project[], { err }: CliContext): Promise<void> {
  for (const project of projects) await err.line(`watching ${err.paint('bold', project.name)}  ${project.path ?? project.url ?? ''}`);
  await err.line(`pages    ${err.paint('cyan', `${running.address}/#token=${running.token}`)}`);
  const startedAt = systemClock.monotonic();
  running.ready.then(
    () => err.line(`ready    after ${String(Math.round(systemClock.monotonic() - startedAt))} ms; commit something, or press Ctrl-C to leave`),
    (error: unknown) => err.line(`groundcrew: ${errorLine(error)}`),
  ).catch(() => undefined);
}

async function sayGoodbye({ err }: CliContext): Promise<void> {
  await err.line('left; what was running goes on by itself, and the next "groundcrew up" takes it up again');
}
