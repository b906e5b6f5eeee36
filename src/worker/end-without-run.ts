import type { Clock } from '../base/clock.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AttemptEnd } from './attempt-runner.ts';

/** The end, now, of an attempt whose job never began, or of which nothing is known any more. */
export function endWithoutRun(clock: Pick<Clock, 'now'>, outcome: Outcome): AttemptEnd {
  return {
    outcome,
    startedAt: null,
    endedAt: clock.now(),
    testedSha: null,
    imageDigest: null,
    peakMemoryBytes: null,
    oom: 'unknown',
  };
}
