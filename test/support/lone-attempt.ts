import { join } from 'node:path';
import { createLogger } from '../../src/base/logger.ts';
import { jobIdOf } from '../../src/core/job.ts';
import { signEnvelope } from '../../src/core/job-envelope.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Subject } from '../../src/core/subject.ts';
import { createProcessExecutor } from '../../src/executors/process/process-executor.ts';
import { createLocalRunner, type LocalRunnerDeps } from '../../src/worker/local-runner.ts';
import { holdingOf } from './holding.ts';
import { runnerDepsIn } from './runner-deps.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/** A local runner with real git and plain processes, for one attempt after the other, each with an empty cache. */
export interface LoneAttempts {
  /** Below it stands all that an attempt leaves. */
  readonly root: string;
  /** Every line of our own log. */
  readonly said: readonly string[];
  /** Runs `true` on a commit to its end; nothing is cleaned up before the test is over. */
  run(cloneUrl: string, subject: Partial<Subject>): Promise<Outcome>;
}

export async function openLoneAttempts(
  context: CleansUp,
  fetchCredentials: NonNullable<LocalRunnerDeps['fetchCredentials']>,
): Promise<LoneAttempts> {
  const root = await tempDir(context);
  const said: string[] = [];
  const write = (line: string): void => void said.push(line);
  const logger = createLogger({ level: 'debug', isTerminal: false, hasColour: false, write });
  let tried = 0;
  return {
    root,
    said,
    async run(cloneUrl, wanted) {
      tried += 1;
      const place = join(root, String(tried));
      const executor = createProcessExecutor({ runsDir: join(place, 'runs') });
      const runner = createLocalRunner({
        ...(await runnerDepsIn(place, executor)),
        ...{ logger, fetchCredentials, executors: { container: null, process: executor }, askedExecutor: 'process' },
      });
      const { signature: _nobodys, ...order } = holdingOf().envelope;
      const identity = { ...order.job, subject: { ...order.job.subject, ...wanted }, secrets: [] };
      const job = { ...identity, id: jobIdOf(identity) };
      const holding = { ...holdingOf(), envelope: signEnvelope({ ...order, job, cloneUrl }, 'key') };
      await runner.prepare(holding);
      const attempt = runner.start(holding, { phase: () => undefined, logBytes: () => undefined });
      context.after(() => attempt.cleanup());
      return (await attempt.ended).outcome;
    },
  };
}
