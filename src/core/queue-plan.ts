import { needsClass, type Job } from './job.ts';

/** Where workers speak to the server; durable, in order. */
export const collectorQueue = 'collector';
/** Where orders come back that nobody took (R7). */
export const deadLetterQueue = 'dead-jobs';
/** Where messages are set aside that the collector could not read. */
export const parkedQueue = 'parked-messages';

/** How the collector queue is declared, by whoever comes first. */
export const collectorOptions = { deadLetterTo: parkedQueue } as const;

/** How every job queue is declared (R7): two hours unclaimed, or handed out twenty times, and it comes back. */
export const jobQueueOptions = { ttlMs: 2 * 60 * 60_000, deliveryLimit: 20, deadLetterTo: deadLetterQueue } as const;

/** The queue of a job's needs class. */
export function jobQueue(job: Pick<Job, 'pool' | 'needs'>): string {
  return classQueue(needsClass(job));
}

/** The queue of a needs class. */
export function classQueue(needs: string): string {
  return `jobs.${needs}`;
}

/** A queue of orders: what gets lost of them the ledger knows, and they are published again (R6). */
export function isJobQueue(queue: string): boolean {
  return queue.startsWith('jobs.');
}

/**
 * Whether a worker with these capabilities may run the jobs of that queue. Of what exists the server tells a worker (`serve`): a
 * queue for each subset of its capabilities would be 2^n of them.
 */
export function mayServeQueue(queue: string, pool: string, capabilities: readonly string[]): boolean {
  const [prefix, ...needs] = queue.split('+');
  return prefix === classQueue(pool) && needs.every((need) => capabilities.includes(need));
}
