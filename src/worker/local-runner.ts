import { statfs } from 'node:fs/promises';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Holding } from '../core/worker-message.ts';
import type { Executor, Run } from '../executors/executor.ts';
import type { JobLog, LogSink, OpenJobLog } from '../logs/log-sink.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { attemptDir, listAttempts, type AttemptDir, type StartedRun } from './attempt-dir.ts';
import { testingLine } from './attempt-notes.ts';
import type { AttemptEnd, AttemptProgress, AttemptRunner, RunningAttempt } from './attempt-runner.ts';
import type { AttachmentLimits } from './attachments.ts';
import { endWithoutRun } from './end-without-run.ts';
import { fetchByForge, type AskForge } from './forge-fetch.ts';
import { fetchWithGrant } from './granted-fetch.ts';
import type { AttemptGrants } from './grants.ts';
import {
  attendRun,
  createAttemptStop,
  runAttempt,
  type AttemptStages,
  type AttemptStop,
  type RunAttemptTools,
} from './run-attempt.ts';
import { prefixOfHolding } from './run-record.ts';
import { sealAttempt } from './seal-attempt.ts';
import { createTreeRemover } from './tree-remover.ts';

/** What the runner needs besides the tools of one attempt. */
export interface LocalRunnerDeps extends Omit<RunAttemptTools, 'fetchCredentials' | 'otherCredentials' | 'fetchHint'> {
  /** For orders without a grant for it: how git fetches a repository of a forge. Absent: without credentials. */
  readonly fetchCredentials?: AskForge;
  /** Below it every attempt has its directory; belongs to one worker. */
  readonly attemptsDir: string;
  /** All that an earlier life may have run jobs with, also what is not usable or not wanted now: such runs are taken up too. */
  readonly knownExecutors: readonly Executor[];
  /** Where results go, but for orders with a grant for the store. */
  readonly store: ObjectStore;
  /** What was granted to one attempt, as a store that it can write to; ends with the signal. Absent: none is ever granted. */
  readonly grantedStore?: (holding: Holding, grants: AttemptGrants, life: AbortSignal) => ObjectStore;
  readonly logger: Logger;
  readonly openJobLog: OpenJobLog;
  /** Where the log goes while it grows. */
  readonly openSink: (place: {
    readonly file: string;
    readonly prefix: string;
    readonly store: ObjectStore;
    /** No earlier life of this worker had the attempt: the store has nothing of it. */
    readonly isNew: boolean;
    /** Somebody reads along, and can read so far now. */
    readonly onCopied: (sizeBytes: number) => void;
    readonly signal: AbortSignal;
    readonly onTrouble: (error: unknown) => void;
  }) => LogSink;
  /** For so long a new log goes nowhere while nobody reads it, see `JobLogOptions.calmMs`. Absent: it goes at once. */
  readonly calmMs?: (store: ObjectStore) => number;
  /** Texts that must not be seen in the log of this holding. */
  readonly secretTexts: (holding: Holding) => readonly Uint8Array[];
  readonly attachmentLimits: AttachmentLimits;
  /** One sentence for the end of the log. */
  readonly words: (end: AttemptEnd) => string;
  /** What an attempt leaves is removed together with that of others that end within so long; absent: at once. */
  readonly gatherRemovalsMs?: number;
}

/**
 * Runs attempts on this machine. Each has a directory named by its nonce, with all that is needed to go on after a kill of
 * the worker: the holding, what was started, the log with its checkpoint, the end.
 */
export function createLocalRunner(deps: LocalRunnerDeps): AttemptRunner {
  const at = (holding: Holding): AttemptDir => attemptDir(deps.attemptsDir, holding.nonce);
  const executorOf = (started: StartedRun | null): Executor | undefined =>
    deps.knownExecutors.find((one) => one.name === started?.executor);
  const remover = createTreeRemover({ gatherMs: deps.gatherRemovalsMs ?? 0, clock: deps.clock });

  const remove = async (dir: AttemptDir): Promise<void> => {
    const removal = await remover.remove(dir.dir);
    if (removal.kind === 'left')
      deps.logger.warn('an attempt left files that cannot be removed', { dir: dir.dir, why: removal.detail });
  };

  const attend = (holding: Holding, progress: AttemptProgress, resume: 'new' | 'running' | 'ended'): RunningAttempt => {
    const dir = at(holding);
    const stop = createAttemptStop();
    let current: Run | null = null;
    const stages: AttemptStages = {
      phase: (phase) => {
        progress.phase(phase);
      },
      running: (run) => {
        current = run;
      },
    };
    const life = new AbortController();
    const secrets = resume === 'new' ? deps.secretTexts(holding) : null;
    const { grants } = progress;
    const kinds = holding.envelope.grants ?? [];
    const fetching =
      grants !== undefined && kinds.includes('fetch')
        ? fetchWithGrant(holding, grants, deps.clock)
        : deps.fetchCredentials === undefined
          ? {}
          : fetchByForge(holding, deps.fetchCredentials);
    const store =
      (grants !== undefined && kinds.includes('store')
        ? deps.grantedStore?.(holding, grants, life.signal)
        : undefined) ?? deps.store;
    const opened = openAttemptLog(deps, dir, holding, {
      stop,
      progress,
      secrets,
      store,
      life: life.signal,
    });
    const ended = opened.then(
      async ({ log }) => {
        const kept = resume === 'ended' ? await dir.end() : null;
        if (kept !== null) return kept;
        const end =
          resume === 'new'
            ? await runAttempt({ ...deps, ...fetching }, dir, holding, log, stop, stages)
            : await resumeRun(deps, dir, holding, log, stop, stages).catch((error: unknown) =>
                endWithoutRun(deps.clock, {
                  kind: 'broken',
                  cause: 'internal',
                  phase: 'running',
                  detail: errorLine(error),
                }),
              );
        // A later life that knows the end reads no more output: what was said until then must be there.
        await log
          .settle()
          .then(() => dir.keepEnd(end))
          .catch((error: unknown) => {
            deps.logger.warn('an end could not be kept on disk', { why: errorLine(error) });
          });
        return end;
      },
      (error: unknown) =>
        endWithoutRun(deps.clock, { kind: 'broken', cause: 'disk', phase: 'claimed', detail: errorLine(error) }),
    );
    return {
      ended,
      stop(request) {
        stop.stop({ kind: 'asked', request });
      },
      watch(forMs) {
        opened.then(
          ({ log, sink }) => {
            log.hurry();
            sink.watched?.(forMs);
          },
          () => undefined,
        );
      },
      async seal(signal) {
        const end = await ended;
        const open = await opened.catch(() => null);
        // Nothing was ever written, so there is nothing to bring anywhere.
        if (open === null) return null;
        const { log, sink } = open;
        return await sealAttempt({ ...deps, store }, { dir, holding, end, log, sink }, signal);
      },
      async cleanup() {
        life.abort();
        await (await opened.catch(() => null))?.log.close();
        const started = current === null ? await dir.started() : null;
        const run = current ?? (started === null ? null : await executorOf(started)?.adopt(started.spec));
        await run?.cleanup();
        await remove(dir);
      },
    };
  };

  return {
    async refusal() {
      const { bavail, bsize } = await statfs(deps.attemptsDir);
      const free = bavail * bsize;
      if (free >= deps.minFreeBytes) return null;
      return `only ${mebibytes(free)} are free on its disk, ${mebibytes(deps.minFreeBytes)} must be (worker.minFreeDisk)`;
    },
    prepare: (holding) => at(holding).keepHolding(holding),
    forget: (holding) => remove(at(holding)),
    start: (holding, progress) => attend(holding, progress, 'new'),
    async adopt(progressOf) {
      const adopted: { holding: Holding; attempt: RunningAttempt }[] = [];
      const keep = new Set<string>();
      // Of whom we could not ask whether it still has the run.
      const unsure = new Set<string>();
      const deaf = new Set<Executor>();
      const asked = new Set<Executor>([deps.executors.container, deps.executors.process].filter((one) => one !== null));
      for (const nonce of await listAttempts(deps.attemptsDir)) {
        const dir = attemptDir(deps.attemptsDir, nonce);
        const holding = await dir.holding();
        const started = await dir.started();
        if (holding !== null && (await dir.end()) !== null) {
          if (started !== null) keep.add(started.spec.id);
          adopted.push({ holding, attempt: attend(holding, progressOf(holding), 'ended') });
          continue;
        }
        const executor = executorOf(started);
        if (executor !== undefined) asked.add(executor);
        let run: Run | null = null;
        try {
          if (started !== null) run = (await executor?.adopt(started.spec)) ?? null;
        } catch (error) {
          deps.logger.error('a run of an earlier worker cannot be looked at; it is left alone', {
            dir: dir.dir,
            why: errorLine(error),
          });
          unsure.add(nonce);
          if (executor !== undefined) deaf.add(executor);
          continue;
        }
        if (holding === null || started === null || run === null) continue;
        keep.add(started.spec.id);
        adopted.push({ holding, attempt: attend(holding, progressOf(holding), 'running') });
      }
      // One that does not work and that nothing was started with is not waited for.
      for (const executor of asked) {
        if (deaf.has(executor)) continue;
        try {
          const swept = await executor.sweep(keep);
          if (swept.length > 0)
            deps.logger.warn('removed what an earlier worker left running', {
              executor: executor.name,
              runs: swept.length,
            });
        } catch (error) {
          deps.logger.error('what an earlier worker left running could not be removed', {
            executor: executor.name,
            why: errorLine(error),
          });
        }
      }
      const going = new Set(adopted.map((one) => one.holding.nonce));
      const left = (await listAttempts(deps.attemptsDir)).filter((nonce) => !going.has(nonce) && !unsure.has(nonce));
      await Promise.all(left.map((nonce) => remove(attemptDir(deps.attemptsDir, nonce))));
      return adopted;
    },
  };
}

async function openAttemptLog(
  deps: LocalRunnerDeps,
  dir: AttemptDir,
  holding: Holding,
  /** `secrets` null: those that the run was given by an earlier life; since then they may have been changed or taken away. */
  part: {
    readonly stop: AttemptStop;
    readonly progress: AttemptProgress;
    readonly secrets: readonly Uint8Array[] | null;
    readonly store: ObjectStore;
    readonly life: AbortSignal;
  },
): Promise<{ readonly log: JobLog; readonly sink: LogSink }> {
  const { stop, progress, life } = part;
  await dir.make();
  const prefix = prefixOfHolding(holding);
  const limitBytes = holding.envelope.job.limits.logBytes;
  let sink: LogSink | null = null;
  let grownTo = 0;
  const log = await deps.openJobLog({
    dir: dir.dir,
    secrets: part.secrets ?? (await dir.secretTexts()),
    limitBytes,
    clock: deps.clock,
    calmMs: deps.calmMs?.(part.store) ?? 0,
    onGrew: (sizeBytes) => {
      grownTo = sizeBytes;
      sink?.grew(sizeBytes);
      progress.logBytes(sizeBytes);
    },
    onLimit: () => {
      stop.stop({ kind: 'log-limit', detail: `the log is larger than ${String(limitBytes)} bytes` });
    },
  });
  sink = deps.openSink({
    file: log.file,
    prefix,
    store: part.store,
    isNew: part.secrets !== null,
    onCopied: (sizeBytes) => {
      progress.logBytes(sizeBytes, true);
    },
    signal: life,
    onTrouble: (error) => {
      deps.logger.warn('the log store is in trouble; the log waits on this disk', { prefix, why: errorLine(error) });
    },
  });
  if (grownTo > 0) sink.grew(grownTo);
  return { log, sink };
}

/** Goes on with a run that an earlier life of this worker started. */
async function resumeRun(
  deps: LocalRunnerDeps,
  dir: AttemptDir,
  holding: Holding,
  log: JobLog,
  stop: AttemptStop,
  stages: AttemptStages,
): Promise<AttemptEnd> {
  const started = await dir.started();
  const executor = deps.knownExecutors.find((one) => one.name === started?.executor);
  const run = started === null ? null : ((await executor?.adopt(started.spec)) ?? null);
  if (started === null || run === null) {
    return endWithoutRun(deps.clock, { kind: 'broken', cause: 'worker-restart', phase: 'running' });
  }
  // Whether its stop had reached the run or not: what it was stopped for then is why it ends now.
  const reason = await dir.stopReason();
  if (reason !== null) stop.stop(reason);
  // Killed before its log was first kept (`JobLogOptions.calmMs`).
  if (log.sizeBytes === 0) log.note(testingLine(holding.envelope.job, holding.envelope.baseSha, started.testedSha));
  return await attendRun(deps, dir, run, started, log, stop, stages);
}

function mebibytes(bytes: number): string {
  return `${String(Math.round(bytes / 2 ** 20))} MiB`;
}
