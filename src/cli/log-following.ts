import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { runPrefix } from '../core/run-slug.ts';
import type { ControlMessage, WorkerMessage } from '../core/worker-message.ts';
import type { Queue } from '../queue/queue.ts';
import type { WatchedAttempt } from '../web/web-deps.ts';

/** Said again so often while somebody watches, and good for so long: two may be lost. */
const sayEveryMs = 20_000;
const forMs = 60_000;

/** How the readers of growing logs and their writers know of each other, where looking at the store costs. */
export interface LogFollowing {
  /** Somebody watches the log of this attempt; returns how to say that they left. */
  watch(attempt: WatchedAttempt): () => void;
  /** Calls when there may be more below the prefix; returns how to stop that. */
  onGrowth(storePrefix: string, wake: () => void): () => void;
  /** A worker said something that was applied. */
  heard(message: WorkerMessage): void;
}

export function createLogFollowing(deps: {
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): LogFollowing {
  const { queue, clock, logger } = deps;
  const watched = new Map<string, { count: number; readonly stop: AbortController }>();
  const bells = new Map<string, Set<() => void>>();

  const say = async ({ worker, nonce, jobId, generation, n }: WatchedAttempt, signal: AbortSignal): Promise<void> => {
    const message: ControlMessage = { v: 1, kind: 'watch', attempt: { jobId, generation, n }, nonce, forMs };
    while (!signal.aborted) {
      await queue.sendControl(worker, { body: JSON.stringify(message) }).catch((error: unknown) => {
        logger.debug('a worker was not told that its log is watched', { worker, why: errorLine(error) });
      });
      await sleep(clock, sayEveryMs, signal);
    }
  };

  return {
    watch(attempt) {
      const { nonce } = attempt;
      let one = watched.get(nonce);
      if (one === undefined) {
        one = { count: 0, stop: new AbortController() };
        watched.set(nonce, one);
        void say(attempt, one.stop.signal);
      }
      one.count++;
      const mine = one;
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        if (--mine.count > 0) return;
        mine.stop.abort();
        watched.delete(nonce);
      };
    },
    onGrowth(storePrefix, wake) {
      const all = bells.get(storePrefix) ?? new Set();
      bells.set(storePrefix, all.add(wake));
      return () => {
        all.delete(wake);
        if (all.size === 0) bells.delete(storePrefix);
      };
    },
    heard(message) {
      if (bells.size === 0 || (message.kind !== 'beat' && message.kind !== 'finished' && message.kind !== 'sealed'))
        return;
      const { job, generation, n } = message.envelope;
      for (const wake of bells.get(runPrefix(job, { generation, n, nonce: message.nonce })) ?? []) wake();
    },
  };
}
