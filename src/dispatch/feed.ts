import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { checkedOut } from '../core/job.ts';
import { signEnvelope, type JobEnvelope } from '../core/job-envelope.ts';
import { classQueue, jobQueueOptions } from '../core/queue-plan.ts';
import { feedOrder } from '../decide/feed-order.ts';
import type { Forge } from '../forge/forge.ts';
import type { FeedCandidate, Ledger } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import type { Presence } from './presence.ts';

/** What feeding needs. `signingKey` signs orders (R10). */
export interface FeedDeps {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signingKey: string;
}

// Of each class this many, those that are first in order, are looked at in one go.
const perClass = 32;

/** An order as it is published: the same for a first publishing and for every repetition of the same number. */
export function envelopeOf(
  { signingKey, forges }: Pick<FeedDeps, 'signingKey' | 'forges'>,
  attempt: Pick<JobEnvelope, 'job' | 'generation' | 'n' | 'baseSha' | 'avoid' | 'traceId'>,
): JobEnvelope {
  const { job, generation, n, baseSha, avoid, traceId } = attempt;
  const source = checkedOut(job);
  const cloneUrl = forges.get(source.forge)?.cloneUrl(source.repo) ?? '';
  return signEnvelope({ v: 1, job, generation, n, baseSha, cloneUrl, avoid, traceId }, signingKey);
}

/**
 * Publishes waiting jobs to their queues up to a bounded depth: twice the live slots of the class, none where nobody
 * listens (R8). Ledger first, message second: what dies between the two is published again by R6.
 * Resolves with the time (epoch ms) when feeding is worth a look: a back-off ends, or at once, when more may fit than was
 * looked at; null when only an event can change it.
 */
export async function feedOnce(deps: FeedDeps, signal: AbortSignal): Promise<number | null> {
  const view = await deps.ledger.feedView(deps.clock.now(), perClass);
  const room = new Map<string, number>();
  let fed = 0;
  for (const candidate of feedOrder(view.candidates, view.underway, deps.clock.now())) {
    if (signal.aborted) break;
    const queue = classQueue(candidate.class);
    const free = room.get(queue) ?? 2 * deps.presence.slotsFor(candidate.job) - (view.offered.get(queue) ?? 0);
    room.set(queue, free);
    if (free <= 0) continue;
    if (!(await offer(deps, candidate, queue, signal))) continue;
    room.set(queue, free - 1);
    fed += 1;
  }
  // There may be room for more than was looked at.
  return fed < perClass ? view.nextAt : deps.clock.now();
}

async function offer(deps: FeedDeps, candidate: FeedCandidate, queue: string, signal: AbortSignal): Promise<boolean> {
  const { job, generation, traceId } = candidate;
  const base = await fixedBase(deps, candidate, signal);
  if (base === undefined) return false;
  await deps.queue.declare(queue, jobQueueOptions);
  const n = await deps.ledger.createAttempt({ jobId: job.id, generation, queue, baseSha: base, now: deps.clock.now() });
  if (n === null) return false;
  const envelope = envelopeOf(deps, { job, generation, n, baseSha: base, avoid: avoidable(deps, candidate), traceId });
  try {
    await deps.queue.publish(queue, { body: JSON.stringify(envelope) });
    deps.logger.info('job offered', { trace: traceId, job: job.id, generation, n, queue });
  } catch (error) {
    deps.logger.warn('job could not be published; it will be again', {
      trace: traceId,
      job: job.id,
      n,
      why: errorLine(error),
    });
  }
  return true;
}

/** Workers that failed at this job, as long as somebody else is here who qualifies: alone, the same worker tries again at once. */
function avoidable({ presence }: FeedDeps, { job, avoid }: FeedCandidate): readonly string[] {
  return presence.workersFor(job).some((worker) => !avoid.includes(worker)) ? avoid : [];
}

/** The base commit that this job is tested on, fixed when it first leaves; undefined: not to be known now. */
async function fixedBase(
  deps: FeedDeps,
  { job, baseSha, traceId }: FeedCandidate,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  if (baseSha !== null || job.integration === 'none' || job.subject.pull === null) return baseSha;
  try {
    return await deps.forges.get(job.subject.forge)?.headOf(job.subject.repo, job.subject.baseRef, signal);
  } catch (error) {
    deps.logger.warn('the base branch could not be read', { trace: traceId, job: job.id, why: errorLine(error) });
    return undefined;
  }
}
