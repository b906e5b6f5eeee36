import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Run } from '../executors/executor.ts';
import type { JobLog } from '../logs/log-sink.ts';

const stopRetryMs = 2_000;

/**
 * Stops a run. A stop needs processes and a little disk; where neither is to be had now (a full disk is a reason to stop), it is
 * asked for again, until `over` aborts. Never rejects.
 */
export async function stopUntilOver(
  run: Pick<Run, 'stop'>,
  how: { readonly graceMs: number; readonly log: Pick<JobLog, 'note'>; readonly clock: Clock },
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    try {
      await run.stop(how.graceMs);
      return;
    } catch (error) {
      how.log.note(`the job could not be stopped, trying again: ${errorLine(error)}`);
      await sleep(how.clock, stopRetryMs, over);
    }
  }
}
