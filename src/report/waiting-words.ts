import type { GrantObstacle } from '../core/grant.ts';
import type { RunSummary, WorkerSeen } from '../ledger/ledger-reader.ts';
import { durationWords } from './words.ts';

/** A worker that said nothing for so long is not counted on (ms). */
const absentAfterMs = 75_000;

/** `isBlocked`: it will wait until somebody brings a worker, or mends what is broken; else it is only a matter of time. */
export interface WaitingReason {
  readonly sentence: string;
  readonly isBlocked: boolean;
}

/** Why a waiting run waits, as a sentence without its subject. `position`: how many would be fed before it. */
export function waitingReason(
  run: RunSummary,
  position: number,
  workers: readonly WorkerSeen[],
  now: number,
): WaitingReason {
  const time = (sentence: string): WaitingReason => ({ sentence, isBlocked: false });
  const blocked = (sentence: string): WaitingReason => ({ sentence, isBlocked: true });
  if (run.notBefore > now) return time(`next try in ${durationWords(run.notBefore - now)}`);
  if (run.obstacle !== null) return blocked(obstacleWords(run.obstacle));
  const live = workers.filter((worker) => !worker.hasLeft && now - worker.lastHeardAt < absentAfterMs);
  if (live.length === 0) return blocked('no worker is here');
  const inPool = live.filter((worker) => worker.pool === run.pool);
  if (inPool.length === 0) return blocked(`no worker of the pool ${run.pool} is here`);
  const able = inPool.filter((worker) => run.needs.every((need) => worker.capabilities.includes(need)));
  if (able.length === 0) return blocked(`no worker here offers ${run.needs.join(' + ')}`);
  const taking = able.filter(({ standing }) => standing.takesJobs);
  const [first] = able;
  if (taking.length === 0) {
    const why = first?.standing.isPaused === true ? 'is paused' : `takes none: ${first?.standing.why ?? 'busy'}`;
    return blocked(`no worker takes jobs now: ${able.length === 1 ? '' : 'for one, '}${first?.worker ?? ''} ${why}`);
  }
  const isBusy = taking.every((worker) => worker.running >= worker.slots);
  const order = position === 0 ? 'the next to start' : `${String(position)} before it`;
  if (!isBusy) return time(position === 0 ? 'starting' : order);
  return time(
    taking.length === 1 ? `the worker is busy; ${order}` : `all ${String(taking.length)} workers are busy; ${order}`,
  );
}

/** Of the store nobody outside needs to know where it is: its operator reads more in the log. */
function obstacleWords(obstacle: GrantObstacle): string {
  switch (obstacle.of) {
    case 'store':
      return 'the store of logs is away';
    case 'fetch':
      return `no token to fetch ${obstacle.repo} can be had: ${obstacle.why}`;
    default:
      return obstacle satisfies never;
  }
}

/** The sentence of `waitingReason`. */
export function whyWaiting(run: RunSummary, position: number, workers: readonly WorkerSeen[], now: number): string {
  return waitingReason(run, position, workers, now).sentence;
}
