import type { Outcome } from '../core/outcome.ts';
import type { RunEnd } from '../executors/executor.ts';
import type { StopRequest } from './attempt-runner.ts';

/** Why we stopped a run ourselves: somebody asked, or a guard of ours found a limit passed. */
export type StopReason =
  | { readonly kind: 'asked'; readonly request: StopRequest }
  | { readonly kind: 'log-limit'; readonly detail: string }
  | { readonly kind: 'disk-limit'; readonly detail: string }
  | { readonly kind: 'disk-full'; readonly detail: string };

/** What an end of a run means, and whose fault it is. A job that had ended by itself before our stop reached it counts as it ended. */
export function outcomeOfEnd(end: RunEnd, stopped: StopReason | null, timeoutMs: number): Outcome {
  if (end.kind === 'broken') {
    if (stopped?.kind === 'asked') return outcomeOfStop(stopped.request);
    return end.isChangesFault
      ? { kind: 'failed', exitCode: null, reason: 'unknown-image', detail: end.detail }
      : {
          kind: 'broken',
          cause: end.cause === 'unknown-image' ? 'image-pull' : end.cause,
          phase: 'starting',
          detail: end.detail,
        };
  }
  if (end.stoppedBy === 'timeout') return { kind: 'timed-out', afterMs: timeoutMs };
  if (end.stoppedBy === 'stopped') {
    // An earlier life of this worker stopped it and took the reason along: whatever the exit status, it is no verdict.
    if (stopped === null) {
      const detail = 'it was stopped, and the worker killed before it could say why';
      return { kind: 'broken', cause: 'worker-restart', phase: 'running', detail };
    }
    switch (stopped.kind) {
      case 'asked':
        return outcomeOfStop(stopped.request);
      case 'log-limit':
      case 'disk-limit':
        return { kind: 'failed', exitCode: end.exitCode, reason: stopped.kind, detail: stopped.detail };
      case 'disk-full':
        return { kind: 'broken', cause: 'disk', phase: 'running', detail: stopped.detail };
      default:
        return stopped satisfies never;
    }
  }
  if (end.exitCode === 0) return { kind: 'passed' };
  return { kind: 'failed', exitCode: end.exitCode, reason: end.oom === 'yes' ? 'out-of-memory' : 'exit' };
}

/** What a stop before the job's command ran, or of it, comes to. */
export function outcomeOfStop(request: StopRequest): Outcome {
  return request.kind === 'cancel'
    ? { kind: 'canceled', reason: request.reason, by: request.by }
    : { kind: 'broken', cause: 'gave-back', phase: 'running' };
}
