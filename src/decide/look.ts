import { subjectOf, type StatusSeen } from '../core/change.ts';
import { jobIdOf, type JobId } from '../core/job.ts';
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
  /** Jobs of a context at the head that answer the question of this place: same base, same trust. */
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
    if (job.baseRef !== change.baseRef || job.isTrusted !== change.isTrusted) continue;
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

/** The job that a check means on an occasion. */
export function idFor(look: Look, check: PlannedCheck, occasion: string): JobId {
  const isChange = occasion === changeOccasion;
  const known = isChange ? look.changeIds.get(check.context) : undefined;
  if (known !== undefined) return known;
  const { change } = look.snapshot;
  const { context, commandSubject, foreignShas } = check;
  const identity = { subject: subjectOf(change), context, occasion, commandSubject, isTrusted: change.isTrusted };
  const id = jobIdOf(foreignShas === undefined ? identity : { ...identity, foreignShas });
  if (isChange) look.changeIds.set(context, id);
  return id;
}

/** A stranger's commit runs only after somebody approved exactly this commit. */
export function mayRun({ snapshot, headSha, settled }: Look): boolean {
  return snapshot.change.isTrusted || settled.approved.has(headSha);
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
  return (
    known.outcome?.kind === 'canceled' && (known.outcome.reason === 'superseded' || known.outcome.reason === 'closed')
  );
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
