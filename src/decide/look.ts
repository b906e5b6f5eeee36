import { isTrusted, subjectOf, type Change, type StatusSeen } from '../core/change.ts';
import { jobIdOf, type Job, type JobId } from '../core/job.ts';
import { isNoVerdict } from '../core/outcome.ts';
import type { ContextSkipped, JobKnown, PlannedCheck, Snapshot } from '../core/snapshot.ts';

/** The occasion of the jobs that a plain push asks for (R12). */
export const changeOccasion = 'change';

/**
 * A snapshot, put in order for one decision, with what that decision has settled already: approvals, contexts that somebody
 * asked for or skipped, jobs that were stopped or made. What is settled is filled in as requests are carried out.
 */
export interface Look {
  readonly snapshot: Snapshot;
  readonly headSha: string;
  readonly checks: readonly PlannedCheck[];
  readonly jobs: ReadonlyMap<string, JobKnown>;
  /** Jobs of a context at the head that answer the question of this place: same base, same trust (any, while nobody can tell). */
  readonly answering: ReadonlyMap<string, readonly JobKnown[]>;
  /** The job of a context at the head that its status shows (R4), whatever it was asked. */
  readonly speaker: ReadonlyMap<string, JobKnown>;
  readonly statuses: ReadonlyMap<string, StatusSeen>;
  readonly skipped: ReadonlyMap<string, ContextSkipped>;
  readonly changeIds: Map<string, JobId>;
  readonly settled: {
    readonly approved: Set<string>;
    readonly stopped: Set<string>;
    /** Jobs that it ends because nobody wants them here any more. */
    readonly stale: Set<string>;
    /** Jobs that this decision asks for, with their contexts, and all these contexts. */
    readonly made: Map<JobId, string>;
    readonly asked: Set<string>;
    /** Contexts that it skips for a person, with the sentence. */
    readonly skipped: Map<string, string>;
  };
}

export function lookAt(snapshot: Snapshot): Look {
  const { change, jobs } = snapshot;
  const answering = new Map<string, JobKnown[]>();
  const speaker = new Map<string, JobKnown>();
  for (const job of jobs) {
    if (job.sha !== change.headSha) continue;
    if (job.hasWord) speaker.set(job.context, job);
    if (job.baseRef !== change.baseRef || !hasTrustOf(job, change)) continue;
    const known = answering.get(job.context);
    if (known === undefined) answering.set(job.context, [job]);
    else known.push(job);
  }
  return {
    snapshot,
    headSha: change.headSha,
    checks: snapshot.plan.kind === 'checks' ? snapshot.plan.checks : [],
    jobs: new Map(jobs.map((job) => [job.id, job])),
    answering,
    speaker,
    // Of two the first counts: forges list the newest first.
    statuses: new Map(snapshot.statuses.toReversed().map((status) => [status.context, status])),
    skipped: new Map((snapshot.skipped ?? []).map((skip) => [skip.context, skip])),
    changeIds: new Map(),
    settled: {
      approved: new Set(snapshot.approvedShas),
      stopped: new Set(),
      stale: new Set(),
      made: new Map(),
      asked: new Set(),
      skipped: new Map(),
    },
  };
}

function hasTrustOf(job: JobKnown, change: Change): boolean {
  return change.trust === 'unknown' || job.isTrusted === isTrusted(change);
}

/** The job that a check means on an occasion. */
export function idFor(look: Look, check: PlannedCheck, occasion: string): JobId {
  const isChange = occasion === changeOccasion;
  const known = isChange ? look.changeIds.get(check.context) : undefined;
  if (known !== undefined) return known;
  const id = idWith(look, check, { occasion, isTrusted: isTrusted(look.snapshot.change) });
  if (isChange) look.changeIds.set(check.context, id);
  return id;
}

/** The job that a push means; while nobody can tell about trust, the trusted one if that is the one that was seen. */
export function changeIdAs(look: Look, check: PlannedCheck, seen: string | null): JobId {
  const id = idFor(look, check, changeOccasion);
  if (look.snapshot.change.trust !== 'unknown' || seen === id) return id;
  const trusted = idWith(look, check, { occasion: changeOccasion, isTrusted: true });
  return seen === trusted ? trusted : id;
}

function idWith(
  { snapshot }: Look,
  { context, commandSubject, foreignShas }: PlannedCheck,
  asked: Pick<Job, 'occasion' | 'isTrusted'>,
): JobId {
  const identity = { subject: subjectOf(snapshot.change), context, commandSubject, ...asked };
  return jobIdOf(foreignShas === undefined ? identity : { ...identity, foreignShas });
}

/** What is not known to be trusted runs only after somebody approved exactly this commit. */
export function mayRun({ snapshot, headSha, settled }: Look): boolean {
  return isTrusted(snapshot.change) || settled.approved.has(headSha);
}

/** This decision asks for a job of the context. */
export function isAskedNow({ settled }: Look, context: string): boolean {
  return settled.asked.has(context);
}

/** Waits or runs, and this decision does not stop it. */
export function isUnderway({ settled }: Look, job: JobKnown): boolean {
  return !job.isEnded && !settled.stopped.has(job.id);
}

/** Ended, but without a verdict (R13). */
export function isAgainWanted(known: JobKnown): boolean {
  return isNoVerdict(known.outcome);
}

/** No job of this very occasion is there or was judged: not in the ledger, nor, where that forgot it, on the forge (R11). */
export function isDue(look: Look, check: PlannedCheck, occasion: string): boolean {
  const id = idFor(look, check, occasion);
  if (look.settled.made.has(id)) return false;
  const known = look.jobs.get(id);
  if (known !== undefined) return isAgainWanted(known);
  const seen = look.statuses.get(check.context);
  return seen?.jobId !== id || seen.state === 'pending' || seen.isCanceled;
}
