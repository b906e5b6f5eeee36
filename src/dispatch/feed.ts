import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { checkedOut } from '../core/job.ts';
import { signEnvelope, type JobEnvelope } from '../core/job-envelope.ts';
import type { GrantSource } from './give-grants.ts';
import { classQueue, jobQueueOptions } from '../core/queue-plan.ts';
import { feedOrder } from '../decide/feed-order.ts';
import type { Forge } from '../forge/forge.ts';
import type { FeedCandidate, FeedView, Ledger } from '../ledger/ledger.ts';
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
  /** Absent: workers have all they need (they share this machine's configuration). */
  readonly grants?: GrantSource;
  /** A queue was declared. */
  readonly onOpened?: (queue: string) => void;
}

/** What nothing can be granted for now is looked at again after this (ms). */
const heldAgainMs = 1_000;
/** Of each class so many, those that are first in order, are looked at in one go; more cost more, most of it once a look. */
const [fewPerClass, mostPerClass] = [32, 256];

/** An order as it is published: the same for a first publishing and for every repetition of the same number. */
export function envelopeOf(
  { signingKey, forges, grants: source }: Pick<FeedDeps, 'signingKey' | 'forges' | 'grants'>,
  attempt: Pick<JobEnvelope, 'job' | 'generation' | 'n' | 'baseSha' | 'avoid' | 'traceId'>,
): JobEnvelope {
  const { job, generation, n, baseSha, avoid, traceId } = attempt;
  const { forge, repo } = checkedOut(job);
  const cloneUrl = forges.get(forge)?.cloneUrl(repo) ?? '';
  const kinds = source?.kindsFor(job) ?? [];
  const grants = kinds.length === 0 ? {} : { grants: kinds };
  return signEnvelope({ v: 1, job, generation, n, baseSha, cloneUrl, avoid, traceId, ...grants }, signingKey);
}

/** What feeding remembers from look to look. */
export interface FeedState {
  /** Queues that are there; what the broker loses is made again by publishing. */
  readonly declared: Set<string>;
  /** The last look had no end. */
  isBehind: boolean;
  /** Something was held back, because nothing could be granted for it. */
  isAnyHeld: boolean;
  /** The obstacles that the ledger knows, as JSON; null: those of an earlier life. */
  told: string | null;
}

export function newFeedState(): FeedState {
  return { declared: new Set(), isBehind: false, isAnyHeld: false, told: null };
}

/**
 * Publishes waiting jobs to their queues up to a bounded depth: twice the live slots of the class, none where nobody
 * listens (R8). Ledger first, message second: what dies between the two is published again by R6. What one look found goes
 * out together, in order, so that it shares commits and confirms.
 * Resolves with the time (epoch ms) when feeding is worth a look: a back-off ends, or at once, when more may fit than was
 * looked at; null when only an event can change it.
 */
export async function feedOnce(deps: FeedDeps, signal: AbortSignal, state: FeedState): Promise<number | null> {
  const { clock, ledger, queue } = deps;
  // What is held back must not hide the others.
  const isDeep = state.isBehind || state.isAnyHeld;
  const view = await ledger.feedView(clock.now(), isDeep ? mostPerClass : fewPerClass);
  const candidates = view.candidates.filter(({ job }) => deps.grants?.canGive?.(job) ?? true);
  state.isAnyHeld = candidates.length < view.candidates.length;
  await tellObstacles(deps, state);
  const picked = await pickFitting(deps, { ...view, candidates }, signal);
  if (signal.aborted) return null;
  for (const name of new Set(picked.map((pick) => pick.queue))) {
    if (state.declared.has(name)) continue;
    await queue.declare(name, jobQueueOptions);
    state.declared.add(name);
    deps.onOpened?.(name);
  }
  const offers = await Promise.all(picked.map((pick) => offer(deps, pick)));
  // There may be room for more than was looked at.
  state.isBehind = offers.filter(Boolean).length >= fewPerClass;
  if (state.isBehind) return clock.now();
  return state.isAnyHeld ? Math.min(view.nextAt ?? Infinity, clock.now() + heldAgainMs) : view.nextAt;
}

/** Why jobs are held back is in the ledger, where all who say why a job waits read it. */
async function tellObstacles({ ledger, grants }: FeedDeps, state: FeedState): Promise<void> {
  const obstacles = grants?.obstacles?.() ?? [];
  const telling = JSON.stringify(obstacles);
  if (telling === state.told) return;
  await ledger.keepObstacles(obstacles);
  state.told = telling;
}

/** A candidate that fits, and the base commit that it is tested on. */
interface Picked {
  readonly candidate: FeedCandidate;
  readonly queue: string;
  readonly baseSha: string | null;
}

/**
 * As many as there is room for, in order. The base is fixed when a job first leaves; one that cannot be read now takes no
 * room away from others. A branch is read once for all its jobs.
 */
async function pickFitting(deps: FeedDeps, view: FeedView, signal: AbortSignal): Promise<readonly Picked[]> {
  const ordered = feedOrder(view.candidates, view.underway, deps.clock.now());
  const bases = new Map<string, string | null | undefined>();
  for (;;) {
    const picked: Picked[] = [];
    const missing = new Map<string, FeedCandidate>();
    const free = new Map<string, number>();
    for (const candidate of ordered) {
      const queue = classQueue(candidate.class);
      const room = free.get(queue) ?? 2 * deps.presence.slotsFor(candidate.job) - (view.offered.get(queue) ?? 0);
      free.set(queue, room);
      if (room <= 0) continue;
      const branch = unknownBase(candidate);
      const baseSha = branch === null ? candidate.baseSha : bases.get(branch);
      if (branch !== null && bases.has(branch) && baseSha === undefined) continue;
      free.set(queue, room - 1);
      if (branch !== null && !bases.has(branch)) missing.set(branch, candidate);
      else picked.push({ candidate, queue, baseSha: baseSha ?? null });
    }
    if (missing.size === 0 || signal.aborted) return picked;
    await Promise.all(
      [...missing].map(async ([branch, candidate]) => {
        bases.set(branch, await headOfBase(deps, candidate, signal));
      }),
    );
  }
}

/** The branch whose head has to be read before this job can leave; null: none. */
function unknownBase({ job, baseSha }: FeedCandidate): string | null {
  const { forge, repo, pull, baseRef } = job.subject;
  return baseSha !== null || job.integration === 'none' || pull === null ? null : `${forge}|${repo}|${baseRef}`;
}

/** Undefined: not to be known now. */
async function headOfBase(
  deps: FeedDeps,
  { job, traceId }: FeedCandidate,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  try {
    return await deps.forges.get(job.subject.forge)?.headOf(job.subject.repo, job.subject.baseRef, signal);
  } catch (error) {
    deps.logger.warn('the base branch could not be read', { trace: traceId, job: job.id, why: errorLine(error) });
    return undefined;
  }
}

async function offer(deps: FeedDeps, { candidate, queue, baseSha }: Picked): Promise<boolean> {
  const { job, generation, traceId } = candidate;
  const n = await deps.ledger.createAttempt({ jobId: job.id, generation, queue, baseSha, now: deps.clock.now() });
  if (n === null) return false;
  const envelope = envelopeOf(deps, { job, generation, n, baseSha, avoid: avoidable(deps, candidate), traceId });
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
  return avoid.length > 0 && presence.workersFor(job).some((worker) => !avoid.includes(worker)) ? avoid : [];
}
