import { createLocalRunner } from '../../worker/local-runner.ts';
import type { CliContext } from '../cli-context.ts';
import type { ExitCode } from '../exit-code.ts';
import type { FoundSubject } from '../find-subject.ts';
import { runJobHere, type RunHereParts, type RunnerPlace } from '../run-job-here.ts';
import { runnerDeps } from './runner.ts';
import { loggerOf } from './common-parts.ts';
import { openLocalStore } from './store.ts';
import type { RunOrder } from '../wiring.ts';

/** `run` and `reproduce` with the adapters of this machine. */
export function runHere(
  order: RunOrder,
  found: FoundSubject,
  fetching: NonNullable<RunnerPlace['fetching']>,
  context: CliContext,
): Promise<ExitCode> {
  const parts: RunHereParts = {
    openStore: openLocalStore,
    runnerDeps: (place, ...rest) => runnerDeps({ ...place, fetching }, ...rest),
    createLocalRunner,
    loggerOf,
  };
  return runJobHere(parts, order, found, context);
}
