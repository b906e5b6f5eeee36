import type { Clock, Timer } from '../base/clock.ts';
import type { Job } from '../core/job.ts';
import type { DiskVerdict } from '../executors/disk-guard.ts';
import type { RunSpec } from '../executors/executor.ts';
import type { JobLog } from '../logs/log-sink.ts';
import type { StopReason } from './attempt-outcome.ts';
import type { StopRequest } from './attempt-runner.ts';

// What we say ourselves in the log of a job.

const slowFetchMs = 2_000;

/** What git says of its progress, for the log: nothing of a fetch that is over in a moment, and no chatter of the remote. */
export function fetchProgress(clock: Clock, log: Pick<JobLog, 'note'>): (line: string) => void {
  const startedAt = clock.monotonic();
  return (line) => {
    if (line.startsWith('remote:')) return;
    const isCount = /\d+%|, done\.$/.test(line);
    if (!isCount || clock.monotonic() - startedAt >= slowFetchMs) log.note(line);
  };
}

/** `testing 1f2e3d4c5b6a (main), merged onto 6a5b4c3d2e1f`: what the log below is about. */
export function testingLine(
  job: Pick<Job, 'subject' | 'integration' | 'commandSubject'>,
  baseSha: string | null,
  testedSha: string,
): string {
  const { sha, pull, branch } = job.subject;
  const place = pull === null ? branch : `pull request ${String(pull)}`;
  const joined =
    baseSha !== null && testedSha !== sha && job.commandSubject === null
      ? `, ${job.integration === 'rebase' ? 'rebased' : 'merged'} onto ${baseSha.slice(0, 12)}`
      : '';
  const { commandSubject } = job;
  const tests =
    commandSubject === null
      ? ''
      : `, with the tests of ${commandSubject.repo.slice(0, 200)} at ${commandSubject.sha.slice(0, 12)}`;
  return `testing ${sha.slice(0, 12)}${place === null ? '' : ` (${place.slice(0, 200)})`}${joined}${tests}`;
}

/** What the disk guard found, in words. */
export function diskWords(verdict: DiskVerdict): string {
  const mebibytes = (bytes: number): string => `${String(Math.round(bytes / 2 ** 20))} MiB`;
  switch (verdict.kind) {
    case 'over-limit': {
      const limit = verdict.limitBytes === null ? '' : `, ${mebibytes(verdict.limitBytes)} are allowed`;
      return `the job takes ${mebibytes(verdict.usedBytes)} of disk${limit}`;
    }
    case 'others-filled-disk':
      return `only ${mebibytes(verdict.freeBytes)} are free on the worker's disk, and not because of this job`;
    case 'fine':
      return 'the disk is fine';
    default:
      return verdict satisfies never;
  }
}

/** Says in the log that the time is running out, and that it has. A run that was taken up again has used some of it already. */
export function warnOfTimeout(
  clock: Clock,
  spec: RunSpec,
  log: Pick<JobLog, 'note'>,
  startedAt: number,
): readonly Timer[] {
  const minutes = (ms: number): string =>
    ms < 100_000 ? `${String(Math.round(ms / 1000))} s` : `${String(Math.round(ms / 60_000))} min`;
  const before = Math.min(5 * 60_000, Math.max(1_000, spec.timeoutMs / 10));
  const leftMs = spec.timeoutMs - Math.max(0, clock.now() - startedAt);
  const later = (ms: number, line: string): readonly Timer[] =>
    ms <= 0
      ? []
      : [
          clock.after(ms, () => {
            log.note(line);
          }),
        ];
  return [
    ...later(leftMs - before, `warning: the time-out of ${minutes(spec.timeoutMs)} comes in ${minutes(before)}`),
    ...later(leftMs, `time-out after ${minutes(spec.timeoutMs)}: SIGTERM now, SIGKILL in ${minutes(spec.graceMs)}`),
  ];
}

/** Why we stop a run, and how. */
export function stopLine(reason: StopReason, graceMs: number): string {
  const how = `SIGTERM now, SIGKILL in ${String(Math.round(graceMs / 1000))} s`;
  switch (reason.kind) {
    case 'asked':
      return `stopping: ${askedWords(reason.request)}; ${how}`;
    case 'log-limit':
    case 'disk-limit':
    case 'disk-full':
      return `stopping: ${reason.detail}; ${how}`;
    default:
      return reason satisfies never;
  }
}

function askedWords(request: StopRequest): string {
  return request.kind === 'leaving' ? 'this worker leaves' : `${request.reason} (${request.by.slice(0, 80)})`;
}
