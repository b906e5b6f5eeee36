import { closeSync, openSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import type { ProcessLock } from '../base/process-lock.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { WorkerSettings } from '../config/settings.ts';
import type { Queue } from '../queue/queue.ts';
import type { AttemptRunner } from '../worker/attempt-runner.ts';
import { openFileSpool } from '../worker/file-spool.ts';
import { runTidying, type TidyPart } from '../worker/tidy-loop.ts';
import { createWorkerLoop } from '../worker/worker-loop.ts';
import { nextSession } from './worker-session.ts';

/** A worker's rooms, opened by `wire.ts`. `dir`: this worker's own directory. */
export interface WorkerParts {
  readonly name: string;
  readonly dir: string;
  /** Kept for the worker's life: collected as garbage it would be free. */
  readonly lock: ProcessLock;
  /** Where its jobs run, for people. */
  readonly runsIn: string;
  readonly queue: Queue;
  readonly runner: AttemptRunner;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly version: string;
  /** What piles up on this machine. */
  readonly tidying: readonly TidyPart[];
  /** Closes what was opened for this worker alone, once it has ended. */
  close(): Promise<void>;
}

/** The lasting name of this machine's worker. */
export function workerName(settings: WorkerSettings): string {
  return settings.name ?? hostname();
}

/** Jobs at once: as configured, else half the processors. */
export function slotsOf(settings: WorkerSettings): number {
  return settings.slots ?? Math.max(1, Math.floor(availableParallelism() / 2));
}

/** Takes and runs jobs until the signal aborts; what runs then goes on by itself and is found again at the next start. */
export async function runWorker(parts: WorkerParts, settings: WorkerSettings, signal: AbortSignal): Promise<void> {
  const loop = createWorkerLoop({
    ...parts,
    session: nextSession(parts.dir, parts.clock),
    offer: {
      pool: settings.pool,
      capabilities: [...new Set([...(hasKvm() ? ['kvm'] : []), ...settings.labels])],
      slots: slotsOf(settings),
      hostname: hostname(),
      version: parts.version,
    },
    spool: await openFileSpool(join(parts.dir, 'spool')),
  });
  const life = new AbortController();
  const tidying = runTidying({ ...parts, parts: parts.tidying }, AbortSignal.any([signal, life.signal]));
  try {
    await loop.run(signal);
  } finally {
    life.abort();
    await tidying;
  }
  await parts.lock.release();
}

/** Opening it is the least that must work; whether machines boot in it only a boot can tell. */
function hasKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch {
    return false;
  }
}
