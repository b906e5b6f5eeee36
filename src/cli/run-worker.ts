import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ProcessLock } from '../base/process-lock.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { WorkerSettings } from '../config/settings.ts';
import type { Queue } from '../queue/queue.ts';
import type { AttemptRunner } from '../worker/attempt-runner.ts';
import { openFileSpool } from '../worker/file-spool.ts';
import { runTidying, type TidyPart } from '../worker/tidy-loop.ts';
import { createWorkerLoop, type WorkerLoop } from '../worker/worker-loop.ts';
import { offerOf } from './offer-of.ts';
import { whenRoom } from './when-room.ts';
import { installationOf } from './worker-installation.ts';
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

/** Stops that a person or a supervisor asks for, one after the other; returns how to stop hearing. */
export type Stops = (listener: () => void) => () => void;

/**
 * Takes and runs jobs until the signal aborts: what runs then goes on by itself and is found again at the next start. With
 * `stops`, the first one drains, the second hands back what runs, as does the end of `worker.drain`, and the third lets go.
 */
export async function runWorker(
  parts: WorkerParts,
  settings: WorkerSettings,
  signal: AbortSignal,
  stops: Stops | null = null,
): Promise<void> {
  const life = new AbortController();
  const alive = AbortSignal.any([signal, life.signal]);
  const loop = createWorkerLoop({
    ...parts,
    session: await whenRoom(() => nextSession(parts.dir, parts.clock), { ...parts, signal }),
    offer: {
      ...(await offerOf(settings, parts.version)),
      installation: await whenRoom(() => installationOf(parts.dir, parts.random), { ...parts, signal }),
    },
    spool: await openFileSpool(join(parts.dir, 'spool')),
    backlog: { unsentBytes: settings.maxUnsentBytes },
  });
  const tidying = runTidying({ ...parts, parts: parts.tidying }, alive);
  const forget = stops === null ? null : leaveByStages(parts, settings, { loop, life, stops });
  try {
    await loop.run(alive);
  } finally {
    forget?.();
    life.abort();
    await tidying;
  }
  await parts.lock.release();
}

function leaveByStages(
  { clock, logger }: Pick<WorkerParts, 'clock' | 'logger'>,
  { drainMs }: Pick<WorkerSettings, 'drainMs'>,
  { loop, life, stops }: { readonly loop: WorkerLoop; readonly life: AbortController; readonly stops: Stops },
): () => void {
  let asked = 0;
  let timer: Timer | null = null;
  const forget = stops(() => {
    asked += 1;
    if (asked === 1) {
      logger.info('finishing what runs, taking nothing new; asked again, jobs are handed back');
      timer = clock.after(drainMs, () => {
        logger.warn('the time for draining is over; handing back what runs', { drainMs });
        loop.leave('now');
      });
      loop.leave('when-done');
    } else if (asked === 2) {
      logger.info('handing back what runs; asked again, it is let go and goes on by itself');
      loop.leave('now');
    } else {
      life.abort();
    }
  });
  return () => {
    timer?.cancel();
    forget();
  };
}
