import type { Clock } from '../base/clock.ts';
import { pruneMirrors } from '../base/git-mirror-prune.ts';
import type { Logger } from '../base/logger.ts';
import type { Executor } from '../executors/executor.ts';
import { sweepDeadRuns } from '../worker/sweep-dead-runs.ts';
import type { TidyPart } from '../worker/tidy-loop.ts';
import { ownerOfRun } from './run-job-here.ts';

/** A mirror that no job wanted for so long is fetched anew if one does. */
const unusedMirrorMs = 30 * 24 * 3_600_000;

/** What piles up on a worker's machine and does not go by itself. */
export function tidyingOf(place: {
  readonly workerDir: string;
  readonly mirrorsDir: string;
  /** The executors as the `groundcrew run` with this directory and owner had them. */
  readonly executorsOfRun: (dir: string, owner: string) => readonly Executor[];
  readonly clock: Clock;
  readonly logger: Logger;
}): readonly TidyPart[] {
  const { workerDir, mirrorsDir, clock, logger } = place;
  const endRun = async (dir: string, nonce: string): Promise<void> => {
    for (const executor of place.executorsOfRun(dir, ownerOfRun(nonce))) await executor.sweep(new Set());
  };
  return [
    { what: 'leftovers of dead runs', tidy: () => sweepDeadRuns({ workerDir, endRun, clock, logger }) },
    { what: 'unused mirrors', tidy: () => pruneMirrors(mirrorsDir, { unusedMs: unusedMirrorMs, clock }) },
  ];
}
