import { sleep, type Clock } from '../base/clock.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Holding } from '../core/worker-message.ts';
import type { AttemptEnd, AttemptProgress, AttemptRunner, RunningAttempt, StopRequest } from './attempt-runner.ts';
import { endWithoutRun } from './end-without-run.ts';
import type { AttemptGrants } from './grants.ts';

/** An attempt for which no grant has come in this time is given back (R2). */
export const grantPatienceMs = 60_000;

/**
 * Starts an attempt as soon as the server has granted what it needs (R2): before that nothing is fetched. Without an answer it
 * is given back, which is no try of the job.
 */
export function startGranted(
  { runner, clock }: { readonly runner: Pick<AttemptRunner, 'start' | 'forget'>; readonly clock: Clock },
  holding: Holding,
  progress: AttemptProgress & { readonly grants: AttemptGrants },
): RunningAttempt {
  let started: RunningAttempt | null = null;
  let stopped: StopRequest | null = null;
  const enough = new AbortController();
  const over = new AbortController();
  const waiting = async (): Promise<RunningAttempt | null> => {
    void sleep(clock, grantPatienceMs, over.signal).then(() => {
      enough.abort();
    });
    const grant = await progress.grants.wait(enough.signal);
    over.abort();
    if (grant === null || stopped !== null) return null;
    started = runner.start(holding, progress);
    return started;
  };
  const begun = waiting();
  return {
    ended: begun.then((attempt) => attempt?.ended ?? neverBegan(clock, stopped)),
    stop(request) {
      stopped ??= request;
      if (started !== null) started.stop(request);
      else enough.abort();
    },
    watch(forMs) {
      started?.watch?.(forMs);
    },
    async seal(signal) {
      return (await (await begun)?.seal(signal)) ?? null;
    },
    async cleanup() {
      const attempt = await begun;
      await (attempt === null ? runner.forget(holding) : attempt.cleanup());
    },
  };
}

function neverBegan(clock: Clock, stopped: StopRequest | null): AttemptEnd {
  const outcome: Outcome =
    stopped?.kind === 'cancel'
      ? { kind: 'canceled', reason: stopped.reason, by: stopped.by }
      : {
          kind: 'broken',
          cause: 'gave-back',
          phase: 'claimed',
          ...(stopped === null ? { detail: 'the server did not say how to fetch it or where to keep its log' } : {}),
        };
  return endWithoutRun(clock, outcome);
}
