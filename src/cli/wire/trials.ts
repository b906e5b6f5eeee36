import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import type { Settings } from '../../config/settings.ts';
import { sweepDeadRuns } from '../../worker/sweep-dead-runs.ts';
import type { CliContext } from '../cli-context.ts';
import { ownerOfRun } from '../run-job-here.ts';
import { withTrialDir } from '../trial-dir.ts';
import type { Wiring } from '../wiring.ts';
import { executorsOf } from './runner.ts';

/** Tries each executor as a worker would, and removes what killed trials and runs left on this machine. */
export async function tryExecutors(
  settings: Settings,
  context: CliContext,
  signal: AbortSignal,
): ReturnType<Wiring['trials']> {
  const { workerDir } = settings.paths;
  const endRun = async (dir: string, nonce: string): Promise<void> => {
    const all = executorsOf(settings, dir, ownerOfRun(nonce), context);
    for (const executor of [all.podman, all.process]) await executor.sweep(new Set());
  };
  const trials = await withTrialDir(workerDir, systemRandom, async ({ dir, owner }) => {
    const { podman, process } = executorsOf(settings, dir, owner, context);
    return [
      { executor: 'podman' as const, trial: await podman.trial(signal) },
      { executor: 'process' as const, trial: await process.trial(signal) },
    ];
  });
  // A podman that does not answer would not answer this either.
  if (trials.every(({ trial }) => trial.isUsable))
    await sweepDeadRuns({ workerDir, endRun, clock: systemClock, logger: silentLogger });
  return trials;
}
