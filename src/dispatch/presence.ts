import type { Clock } from '../base/clock.ts';
import type { Job } from '../core/job.ts';
import type { Hello, WorkerOffer } from '../core/worker-message.ts';

/** A worker says hello each 30 s; two missed ones and a bit make it absent (ms, monotonic receive time). */
const absentAfterMs = 75_000;

/** Who is there, as far as we heard since we listen. In memory only: after a start everybody is asked (`who-runs`). */
export interface Presence {
  /** True when this worker was absent before, or offers something else. One that takes no jobs now has no slots. */
  heard(worker: string, hello: Pick<Hello, 'offer' | 'standing'>): boolean;
  left(worker: string): void;
  /** Slots of the live workers that may serve this job, by `needsClass`. */
  slotsFor(job: Pick<Job, 'pool' | 'needs'>): number;
  /** Live workers that may serve this job. */
  workersFor(job: Pick<Job, 'pool' | 'needs'>): readonly string[];
  offerOf(worker: string): WorkerOffer | null;
  /** Another machine that works under this name now: its host name; null: none. */
  namesakeOf(worker: string, by: Pick<WorkerOffer, 'hostname' | 'installation'>): string | null;
  /** Who is here, with what they offer. */
  live(): readonly (readonly [worker: string, offer: WorkerOffer])[];
}

/** True when a worker with this offer may run the job: same pool, every capability (R10). */
export function mayServe(offer: WorkerOffer, job: Pick<Job, 'pool' | 'needs'>): boolean {
  return offer.pool === job.pool && job.needs.every((need) => offer.capabilities.includes(need));
}

export function createPresence(clock: Clock): Presence {
  const workers = new Map<string, { offer: WorkerOffer; takesJobs: boolean; heardAt: number }>();
  const here = (): [string, { offer: WorkerOffer; takesJobs: boolean }][] => {
    const now = clock.monotonic();
    return [...workers].filter(([, { heardAt }]) => now - heardAt < absentAfterMs);
  };
  const live = (): [string, WorkerOffer][] => here().map(([worker, { offer }]) => [worker, offer]);
  const taking = (): [string, WorkerOffer][] =>
    here().flatMap(([worker, { offer, takesJobs }]) => (takesJobs ? [[worker, offer]] : []));
  return {
    heard(worker, { offer, standing }) {
      const before = workers.get(worker);
      const now = clock.monotonic();
      const takesJobs = standing?.takesJobs ?? true;
      workers.set(worker, { offer, takesJobs, heardAt: now });
      return (
        before === undefined ||
        now - before.heardAt >= absentAfterMs ||
        before.offer.slots !== offer.slots ||
        before.takesJobs !== takesJobs
      );
    },
    left(worker) {
      workers.delete(worker);
    },
    slotsFor: (job) => taking().reduce((slots, [, offer]) => slots + (mayServe(offer, job) ? offer.slots : 0), 0),
    workersFor: (job) => taking().flatMap(([worker, offer]) => (mayServe(offer, job) ? [worker] : [])),
    namesakeOf(worker, { hostname, installation }) {
      const known = workers.get(worker);
      if (known === undefined || clock.monotonic() - known.heardAt >= absentAfterMs) return null;
      const { offer } = known;
      const isSame =
        installation === undefined || offer.installation === undefined
          ? offer.hostname === hostname
          : offer.installation === installation;
      return isSame ? null : offer.hostname;
    },
    offerOf: (worker) => workers.get(worker)?.offer ?? null,
    live,
  };
}
