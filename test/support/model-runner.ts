import type { Clock } from '../../src/base/clock.ts';
import type { Job } from '../../src/core/job.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { AttemptRunner } from '../../src/worker/attempt-runner.ts';
import type { Spool } from '../../src/worker/spool.ts';

/** Runs jobs that only take time, by the clock that is given. */
export function modelRunner(
  clock: Clock,
  run: (job: Job) => { readonly ms: number; readonly outcome: Outcome },
): AttemptRunner {
  return {
    refusal: async () => null,
    prepare: async () => undefined,
    forget: async () => undefined,
    adopt: async () => [],
    start({ envelope }, progress) {
      const { ms, outcome } = run(envelope.job);
      const startedAt = clock.now();
      progress.phase('running');
      let end: (outcome: Outcome) => void = () => undefined;
      const over = new Promise<Outcome>((resolve) => {
        end = resolve;
        clock.after(ms, () => {
          resolve(outcome);
        });
      });
      return {
        ended: over.then((how) => ({
          outcome: how,
          startedAt,
          endedAt: clock.now(),
          testedSha: null,
          imageDigest: null,
          peakMemoryBytes: null,
          oom: 'unknown',
        })),
        stop(request) {
          if (request.kind === 'cancel') end({ kind: 'canceled', reason: request.reason, by: request.by });
          else end({ kind: 'broken', cause: 'gave-back', phase: 'running' });
        },
        seal: async () => ({ logSha256: '0'.repeat(64), logBytes: 0, isTruncated: false }),
        cleanup: async () => undefined,
      };
    },
  };
}

/** A spool for a worker that does not die. */
export function memorySpool(): Spool {
  const kept = new Map<string, Awaited<ReturnType<Spool['list']>>[number]>();
  let last = 0;
  return {
    async put(message) {
      last += 1;
      const id = String(last).padStart(8, '0');
      kept.set(id, { id, message });
    },
    list: async () => [...kept.values()],
    async remove(id) {
      kept.delete(id);
    },
  };
}
