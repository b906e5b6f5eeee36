import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine, UsageError } from '../base/errors.ts';
import { attemptId } from '../core/attempt.ts';
import { checkedOut } from '../core/job.ts';
import { attemptOf } from '../core/job-envelope.ts';
import type { Outcome, Phase } from '../core/outcome.ts';
import type { Subject } from '../core/subject.ts';
import type { Holding } from '../core/worker-message.ts';
import { chooseExecutor, type UsableExecutors } from '../executors/choose.ts';
import { guardDisk } from '../executors/disk-guard.ts';
import type { Executor, Run, RunEnd, RunSpec } from '../executors/executor.ts';
import type { JobLog } from '../logs/log-sink.ts';
import { prepareCheckout, type CheckoutOrder, type CheckoutTools } from './checkout.ts';
import type { AttemptDir, StartedRun } from './attempt-dir.ts';
import { diskWords, fetchProgress, stopLine, testingLine, warnOfTimeout } from './attempt-notes.ts';
import { readAttemptOrder } from './attempt-order.ts';
import { outcomeOfEnd, outcomeOfStop, type StopReason } from './attempt-outcome.ts';
import type { AttemptEnd } from './attempt-runner.ts';
import { endWithoutRun } from './end-without-run.ts';
import { stopUntilOver } from './stop-until-over.ts';

/** What running one attempt needs of this worker. Sizes are bytes. */
export interface RunAttemptTools {
  readonly checkout: CheckoutTools;
  readonly executors: UsableExecutors;
  readonly askedExecutor: 'auto' | Executor['name'];
  readonly defaultImage: string | null;
  readonly graceMs: number;
  readonly minFreeBytes: number;
  readonly clock: Clock;
  /** Writes the secrets of a trusted job to files, by name. @throws UsageError for a name that is not configured. */
  readonly secretFiles: (holding: Holding, dir: string) => Promise<Readonly<Record<string, string>>>;
  /**
   * Git configuration that lets this worker fetch from a private repository (see `GitCall.config`); null: none is needed.
   * It is for git's environment alone, never for the job, its log or an argument. Absent: this worker has none.
   */
  readonly fetchCredentials?: (
    subject: Subject,
    signal: AbortSignal,
  ) => Promise<Readonly<Record<string, string>> | null>;
  /**
   * After a checkout that broke so: others, where the forge did not take these (a token can be withdrawn before its end); null: there
   * are none, or that was not why.
   */
  readonly otherCredentials?: (detail: string, signal: AbortSignal) => Promise<Readonly<Record<string, string>> | null>;
  /** What a person has to do about a checkout that failed with this; null: nothing is known. */
  readonly fetchHint?: (detail: string) => string | null;
}

/** Stopping an attempt: the first reason wins, whatever is under way. */
export interface AttemptStop {
  /** Aborts when a stop is asked for. */
  readonly signal: AbortSignal;
  reason(): StopReason | null;
  stop(reason: StopReason): void;
}

/** A new one, not stopped. */
export function createAttemptStop(): AttemptStop {
  const controller = new AbortController();
  let first: StopReason | null = null;
  return {
    signal: controller.signal,
    reason: () => first,
    stop(reason) {
      first ??= reason;
      controller.abort();
    },
  };
}

/** Hears how an attempt goes on. */
export interface AttemptStages {
  phase(phase: Phase): void;
  /** There is a run, started or taken up; it stays until it is cleaned up. */
  running(run: Run): void;
}

/** Checkout, then the job's command to its end. Never rejects: what goes wrong is an outcome. */
export async function runAttempt(
  tools: RunAttemptTools,
  dir: AttemptDir,
  holding: Holding,
  log: JobLog,
  stop: AttemptStop,
  stages: AttemptStages,
): Promise<AttemptEnd> {
  const { job } = holding.envelope;
  const early = (outcome: Outcome): AttemptEnd => endWithoutRun(tools.clock, outcome);
  try {
    stages.phase('checkout');
    const credentials = await credentialsOf(tools, checkedOut(job), stop.signal);
    if (credentials.kind === 'broken' && !stop.signal.aborted) {
      return early({ kind: 'broken', cause: 'checkout', phase: 'checkout', detail: credentials.detail });
    }
    const order: CheckoutOrder = {
      cloneUrl: holding.envelope.cloneUrl,
      subject: checkedOut(job),
      baseSha: holding.envelope.baseSha,
      integration: job.integration,
      targetDir: dir.checkout,
      maxBytes: job.limits.diskBytes,
      ...(credentials.kind === 'some' ? { credentials: credentials.config } : {}),
      signal: stop.signal,
      progress: fetchProgress(tools.clock, log),
    };
    let checkout = await prepareCheckout(tools.checkout, order);
    if (checkout.kind === 'broken' && !stop.signal.aborted) {
      const other = (await tools.otherCredentials?.(checkout.detail, stop.signal)) ?? null;
      if (other !== null) checkout = await prepareCheckout(tools.checkout, { ...order, credentials: other });
    }
    const stopped = stop.reason();
    if (stopped?.kind === 'asked') return early(outcomeOfStop(stopped.request));
    if (checkout.kind === 'broken') {
      const hint = tools.fetchHint?.(checkout.detail) ?? null;
      const detail = hint === null ? checkout.detail : `${checkout.detail}: ${hint}`;
      return early({ kind: 'broken', cause: checkout.cause, phase: 'checkout', detail });
    }
    if (checkout.kind === 'conflict') {
      for (const line of checkout.log.split('\n').slice(0, 200)) log.note(line);
      return early({ kind: 'failed', exitCode: null, reason: checkout.reason, detail: checkout.detail });
    }
    log.note(testingLine(job, holding.envelope.baseSha, checkout.testedSha));
    stages.phase('starting');
    const started = await readyToStart(tools, dir, holding, log, checkout.testedSha);
    if (started.kind === 'over') return { ...early(started.outcome), testedSha: checkout.testedSha };
    await dir.keepStarted(started.run);
    const run = await started.executor.start(
      started.run.spec,
      (line) => {
        log.note(line);
      },
      stop.signal,
    );
    return await attendRun(tools, dir, run, started.run, log, stop, stages);
  } catch (error) {
    const stopped = stop.reason();
    if (stopped?.kind === 'asked') return early(outcomeOfStop(stopped.request));
    return early({ kind: 'broken', cause: 'internal', phase: 'starting', detail: errorLine(error) });
  }
}

type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'some'; readonly config: Readonly<Record<string, string>> }
  | { readonly kind: 'broken'; readonly detail: string };

/** A forge that is away, or does not let us in, is the machinery's fault. */
async function credentialsOf(tools: RunAttemptTools, subject: Subject, signal: AbortSignal): Promise<Credentials> {
  try {
    const config = (await tools.fetchCredentials?.(subject, signal)) ?? null;
    return config === null ? { kind: 'none' } : { kind: 'some', config };
  } catch (error) {
    return { kind: 'broken', detail: errorLine(error) };
  }
}

type ReadyToStart =
  | { readonly kind: 'ready'; readonly executor: Executor; readonly run: StartedRun }
  | { readonly kind: 'over'; readonly outcome: Outcome };

async function readyToStart(
  tools: RunAttemptTools,
  dir: AttemptDir,
  holding: Holding,
  log: JobLog,
  testedSha: string,
): Promise<ReadyToStart> {
  const { job } = holding.envelope;
  const order = await readAttemptOrder(job, dir.checkout, tools.defaultImage);
  if (order.kind === 'failed') {
    return { kind: 'over', outcome: { kind: 'failed', exitCode: null, reason: order.reason, detail: order.detail } };
  }
  // The server lets no unapproved change come this far; an approved stranger's is approved for this commit.
  const choice = chooseExecutor({ image: order.image, isApproved: true }, tools.executors, tools.askedExecutor);
  if (choice.executor === null) {
    return { kind: 'over', outcome: { kind: 'broken', cause: 'executor', phase: 'starting', detail: choice.reason } };
  }
  if (choice.notice !== null) log.note(choice.notice);
  let secretFiles: Readonly<Record<string, string>> = {};
  try {
    if (job.isTrusted) secretFiles = await tools.secretFiles(holding, dir.secrets);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // The operator's to mend. Another worker may have it, so this says nothing of the job: it is retried by plan.
    const outcome: Outcome = { kind: 'broken', cause: 'refused', phase: 'starting', detail: errorLine(error) };
    return { kind: 'over', outcome };
  }
  const spec: RunSpec = {
    id: attemptId(attemptOf(holding.envelope)) + `.${holding.nonce.slice(0, 8)}`,
    nonce: holding.nonce,
    image: choice.executor.name === 'process' ? null : order.image,
    command: order.command,
    env: job.env,
    checkoutDir: dir.checkout,
    attachmentsDir: dir.attachments,
    stateDir: dir.state,
    secretFiles,
    limits: job.limits,
    needsKvm: job.needs.includes('kvm'),
    network: job.network,
    timeoutMs: job.timeoutMs,
    graceMs: tools.graceMs,
  };
  return {
    kind: 'ready',
    executor: choice.executor,
    run: { executor: choice.executor.name, spec, testedSha, startedAt: tools.clock.now() },
  };
}

/** From a started or adopted run to its end: output into the log, limits watched, stops passed on. */
export async function attendRun(
  tools: RunAttemptTools,
  dir: AttemptDir,
  run: Run,
  { spec, testedSha, startedAt }: StartedRun,
  log: JobLog,
  stop: AttemptStop,
  stages: AttemptStages,
): Promise<AttemptEnd> {
  stages.running(run);
  stages.phase('running');
  const over = new AbortController();
  const stopRun = (): void => {
    const reason = stop.reason();
    if (reason !== null) log.note(stopLine(reason, spec.graceMs));
    void keepReason(dir, reason).then(() =>
      stopUntilOver(run, { graceMs: spec.graceMs, log, clock: tools.clock }, over.signal),
    );
  };
  if (stop.signal.aborted) stopRun();
  else stop.signal.addEventListener('abort', stopRun, { once: true });
  const warnings = warnOfTimeout(tools.clock, spec, log, startedAt);
  const guard = guardDisk(
    {
      limits: { limitBytes: spec.limits.diskBytes, minFreeBytes: tools.minFreeBytes },
      clock: tools.clock,
      dirs: async () => [dir.checkout, dir.attachments, dir.state, ...((await run.diskDirs?.()) ?? [])],
      onVerdict: (verdict) => {
        stop.stop({ kind: verdict.kind === 'over-limit' ? 'disk-limit' : 'disk-full', detail: diskWords(verdict) });
      },
    },
    over.signal,
  );
  const pumped = pump(run, log, tools.clock, over.signal);
  const end: RunEnd = await run.wait();
  await pumped;
  over.abort();
  await guard;
  for (const timer of warnings) timer.cancel();
  stop.signal.removeEventListener('abort', stopRun);
  stages.phase('saving');
  const outcome = outcomeOfEnd(end, stop.reason(), spec.timeoutMs);
  return {
    outcome,
    startedAt: end.kind === 'exited' ? Math.round(end.startedAt) : null,
    endedAt: end.kind === 'exited' ? Math.round(end.endedAt) : tools.clock.now(),
    testedSha,
    imageDigest: run.imageDigest,
    peakMemoryBytes: end.kind === 'exited' ? end.peakMemoryBytes : null,
    oom: end.kind === 'exited' ? end.oom : 'unknown',
  };
}

/** Before the stop, or a worker that is killed in between would take the reason along. A full disk, itself a reason, may refuse. */
async function keepReason(dir: AttemptDir, reason: StopReason | null): Promise<void> {
  if (reason !== null) await dir.keepStopReason(reason).catch(() => undefined);
}

/** The job's output into the log; a disk that refuses is waited for, the job with it. */
async function pump(run: Run, log: JobLog, clock: Clock, over: AbortSignal): Promise<void> {
  try {
    for await (const bytes of run.output(log.outputOffset)) {
      let pending: Uint8Array = bytes;
      for (;;) {
        try {
          await log.write(pending);
          break;
        } catch {
          // The log has kept the bytes; another write tries again.
          pending = new Uint8Array();
          await sleep(clock, 1_000, over);
          if (over.aborted) return;
        }
      }
    }
  } catch (error) {
    log.note(`the output could not be read to its end: ${errorLine(error)}`);
  }
}
