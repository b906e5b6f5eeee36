import { randomBytes } from 'node:crypto';
import { cp, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, sleep } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { tryProcessLock } from '../base/process-lock.ts';
import type { Settings, WorkerSettings } from '../config/settings.ts';
import { prepareStateDir, signingKey } from '../config/state-dir.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import type { Phase } from '../core/outcome.ts';
import { runPrefix } from '../core/run-slug.ts';
import type { Holding } from '../core/worker-message.ts';
import type { LogSink } from '../logs/log-sink.ts';
import { durationWords, outcomeWords } from '../report/words.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AttemptEnd, AttemptRunner } from '../worker/attempt-runner.ts';
import type { LocalRunnerDeps } from '../worker/local-runner.ts';
import { runDirName, runLockFile } from '../worker/sweep-dead-runs.ts';
import type { CliContext } from './cli-context.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import type { FoundSubject } from './find-subject.ts';
import { exitOf } from './follow-run.ts';
import { jobOfRun } from './job-of-run.ts';
import { createLogFilter } from './output/log-filter.ts';
import { createProgress } from './output/progress.ts';
import type { RunOrder } from './wiring.ts';

/** Where jobs are run, and for whom. */
export interface RunnerPlace {
  readonly dir: string;
  readonly owner: string;
  readonly store: ObjectStore;
  /** Each request to it takes time and costs. */
  readonly isStoreRemote?: boolean;
  /** The server, which says when somebody watches, is reached by a broker. */
  readonly isApart?: boolean;
  /** See `LocalRunnerDeps`. */
  readonly grantedStore?: NonNullable<LocalRunnerDeps['grantedStore']>;
  readonly logger: Logger;
  /** For one job in the terminal: what an earlier trial of an executor found is believed. */
  readonly isOneRun?: boolean;
  /** How repositories of forges are fetched; absent: without credentials. */
  readonly fetching?: Pick<LocalRunnerDeps, 'fetchCredentials'>;
}

/** What running one job in the terminal is made of. */
export interface RunHereParts {
  openStore(paths: Settings['paths']): Promise<ObjectStore>;
  runnerDeps(
    place: RunnerPlace,
    settings: Settings,
    worker: WorkerSettings,
    context: CliContext,
    signal: AbortSignal,
  ): Promise<LocalRunnerDeps>;
  createLocalRunner(deps: LocalRunnerDeps): AttemptRunner;
  loggerOf(settings: Settings, context: CliContext): Logger;
}

/** Whose containers those of one `run` are. */
export function ownerOfRun(nonce: string): string {
  return `groundcrew-run-${nonce}`;
}

/** `run` and `reproduce`: one job from checkout to summary, in this process, with no server and no queue. */
export async function runJobHere(
  parts: RunHereParts,
  order: RunOrder,
  found: FoundSubject,
  context: CliContext,
): Promise<ExitCode> {
  const { settings } = order;
  prepareStateDir(settings.paths);
  const signal = context.interruption();
  const job = jobOfRun(order, {
    subject: found.subject,
    commandSubject: null,
    requestId: randomBytes(8).toString('hex'),
  });
  const baseSha = order.source.kind === 'repeat' ? order.source.baseSha : null;
  const image = order.source.kind === 'repeat' ? order.source.imageDigest : null;
  const envelope = signEnvelope(
    {
      v: 1,
      job: image === null ? job : { ...job, container: image },
      generation: 1,
      n: 1,
      baseSha,
      cloneUrl: found.cloneUrl,
      avoid: [],
      traceId: randomBytes(16).toString('hex'),
    },
    signingKey(settings.paths),
  );
  const holding: Holding = { envelope, nonce: randomBytes(8).toString('hex') };
  const dir = join(settings.paths.workerDir, runDirName(holding.nonce));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // If we are killed the kernel frees it, and a worker on this machine sweeps what we left.
  const lock = tryProcessLock(join(dir, runLockFile));
  try {
    const store = await parts.openStore(settings.paths);
    const progress = createProgress(context.err, context.clock);
    progress.say('looking for an executor');
    const logger = parts.loggerOf({ ...settings, logs: { ...settings.logs, level: 'error' } }, context);
    const worker = { ...settings.worker, executor: order.executor };
    const deps = await parts.runnerDeps(
      { dir, owner: ownerOfRun(holding.nonce), store, logger, isOneRun: true },
      settings,
      worker,
      context,
      signal,
    );
    return await runHolding(
      {
        parts,
        deps: { ...deps, openSink: (place) => tee(place.file, deps.openSink(place), context) },
        holding,
        order,
        progress,
      },
      context,
      signal,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
    await lock?.release();
  }
}

async function runHolding(
  run: {
    readonly parts: RunHereParts;
    readonly deps: LocalRunnerDeps;
    readonly holding: Holding;
    readonly order: RunOrder;
    readonly progress: ReturnType<typeof createProgress>;
  },
  context: CliContext,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { holding, order, progress } = run;
  const runner = run.parts.createLocalRunner(run.deps);
  const words: Readonly<Record<Phase, string>> = {
    claimed: 'starting',
    checkout: 'fetching the sources',
    starting: 'starting the job',
    running: '',
    saving: 'saving the results',
  };
  await runner.prepare(holding);
  const attempt = runner.start(holding, {
    phase: (phase) => {
      if (words[phase] === '') progress.end();
      else progress.say(words[phase]);
    },
    logBytes: () => undefined,
  });
  const onInterrupt = (): void => {
    attempt.stop({ kind: 'cancel', reason: 'person', by: context.user });
  };
  signal.addEventListener('abort', onInterrupt, { once: true });
  if (signal.aborted) onInterrupt();
  const end = await attempt.ended;
  await attempt.seal(new AbortController().signal);
  await attempt.cleanup();
  progress.end();
  await summarise(order, holding, end, context);
  return signal.aborted ? exitCode.interrupted : exitOf(end.outcome);
}

/** The log to stdout as it grows, beside the sink that keeps it. */
function tee(file: string, kept: LogSink, context: CliContext): LogSink {
  const filter = context.out.isTty ? createLogFilter() : null;
  let shown = 0;
  let grown = 0;
  let showing: Promise<void> | null = null;
  const show = async (): Promise<void> => {
    const handle = await open(file, 'r');
    try {
      const buffer = Buffer.alloc(256 * 1024);
      while (shown < grown) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, grown - shown), shown);
        if (bytesRead === 0) break;
        shown += bytesRead;
        const bytes = Buffer.from(buffer.subarray(0, bytesRead));
        await context.out.write(filter === null ? bytes : filter.push(bytes));
      }
    } finally {
      await handle.close();
      showing = null;
    }
  };
  return {
    grew(sizeBytes) {
      grown = sizeBytes;
      showing ??= show();
      kept.grew(sizeBytes);
    },
    async seal(total, signal) {
      grown = total.sizeBytes;
      while (shown < grown && !signal.aborted) {
        showing ??= show();
        await showing;
        if (shown < grown) await sleep(systemClock, 10, signal);
      }
      if (filter !== null) await context.out.write(filter.end());
      await kept.seal(total, signal);
    },
  };
}

async function summarise(order: RunOrder, holding: Holding, end: AttemptEnd, { err }: CliContext): Promise<void> {
  const { job } = holding.envelope;
  const prefix = runPrefix(job, { generation: 1, n: 1, nonce: holding.nonce });
  const kept = join(order.settings.paths.storeDir, 'objects', prefix);
  const isGood = end.outcome.kind === 'passed';
  const took = end.startedAt === null ? '' : ` in ${durationWords(end.endedAt - end.startedAt)}`;
  const sign = isGood ? err.paint('green', err.hasUnicode ? '✓' : '+') : err.paint('red', err.hasUnicode ? '✗' : 'x');
  await err.line('');
  await err.line(`${sign} ${err.paint('bold', outcomeWords(end.outcome))}${took}`);
  await err.line(`  ${job.subject.repo} ${job.subject.sha.slice(0, 12)}  ${job.context}`);
  if (end.imageDigest !== null) await err.line(`  image ${end.imageDigest}`);
  if (order.attachmentsDir !== null) {
    await cp(kept, order.attachmentsDir, { recursive: true });
    await err.line(`  log and attachments  ${order.attachmentsDir}`);
  } else {
    await err.line(`  log and attachments  ${kept}`);
  }
}
