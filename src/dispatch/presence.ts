import type { Clock } from '../base/clock.ts';
import type { Job } from '../core/job.ts';
import type { WorkerOffer } from '../core/worker-message.ts';

/** A worker says hello each 30 s; two missed ones and a bit make it absent (ms, monotonic receive time). */
const absentAfterMs = 75_000;

/** Who is there, as far as we heard since we listen. In memory only: after a start everybody is asked (`who-runs`). */
export interface Presence {
  /** True when this worker was absent before, or offers something else. */
  heard(worker: string, offer: WorkerOffer): boolean;
  left(worker: string): void;
  /** Slots of the live workers that may serve this job, by `needsClass`. */
  slotsFor(job: Pick<Job, 'pool' | 'needs'>): number;
  /** Live workers that may serve this job. */
  workersFor(job: Pick<Job, 'pool' | 'needs'>): readonly string[];
  offerOf(worker: string): WorkerOffer | null;
}

/** True when a worker with this offer may run the job: same pool, every capability (R10). */
export function mayServe(offer: WorkerOffer, job: Pick<Job, 'pool' | 'needs'>): boolean {
  return offer.pool === job.pool && job.needs.every((need) => offer.capabilities.includes(need));
}

export function createPresence(clock: Clock): Presence {
  const workers = new Map<string, { offer: WorkerOffer; heardAt: number }>();
  const live = (): [string, WorkerOffer][] => {
    const now = clock.monotonic();
    return [...workers].flatMap(([worker, { offer, heardAt }]) =>
      now - heardAt < absentAfterMs ? [[worker, offer] as [string, WorkerOffer]] : [],
    );
  };
  return {
    heard(worker, offer) {
      const before = workers.get(worker);
      const now = clock.monotonic();
      workers.set(worker, { offer, heardAt: now });
      return before === undefined || now - before.heardAt >= absentAfterMs || before.offer.slots !== offer.slots;
    },
    left(worker) {
      workers.delete(worker);
    },
    slotsFor: (job) => live().reduce((slots, [, offer]) => slots + (mayServe(offer, job) ? offer.slots : 0), 0),
    workersFor: (job) => live().flatMap(([worker, offer]) => (mayServe(offer, job) ? [worker] : [])),
    offerOf: (worker) => workers.get(worker)?.offer ?? null,
  };
}
