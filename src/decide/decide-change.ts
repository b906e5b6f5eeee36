import type { Action, Notice } from '../core/action.ts';
import { subjectOf, type StatusSeen } from '../core/change.ts';
import { jobIdOf, type Job, type JobId } from '../core/job.ts';
import type { PersonRequest } from '../core/request.ts';
import type { JobKnown, PlannedCheck, Snapshot } from '../core/snapshot.ts';
import { verdictStateOf } from './verdict-state.ts';

/** The status context of everything that is said about a change and belongs to no job. */
export const noticeContext = 'groundcrew';

/**
 * Level-triggered: from what is, to what has to be done so that every wanted check of this change has been judged once.
 * Called by events and by the scanner alike; on an unchanged snapshot the second call has nothing left to do.
 */
export function decideChange(snapshot: Snapshot): readonly Action[] {
  return [
    ...cancelStale(snapshot),
    ...decideRequests(snapshot),
    ...decideWanted(snapshot),
    ...restateDiffering(snapshot),
    ...restateSilenced(snapshot),
  ];
}

/** Jobs that the place no longer asks for: it closed, or its head moved on. */
function cancelStale({ change, jobs }: Snapshot): Action[] {
  return jobs
    .filter((job) => !job.isEnded && job.changeKey === change.key && (!change.isOpen || job.sha !== change.headSha))
    .map((job) =>
      change.isOpen
        ? { kind: 'cancel', jobId: job.id, reason: 'superseded', by: change.headSha }
        : { kind: 'cancel', jobId: job.id, reason: 'closed', by: change.key },
    );
}

/** What people asked for at this head and what is not done yet. A request that speaks of another commit is only closed. */
function decideRequests(snapshot: Snapshot): Action[] {
  const open = snapshot.requests.filter((request) => !request.isDone);
  return open.flatMap((request) => [
    ...carryOut(snapshot, request),
    { kind: 'request-done', requestId: request.id } as const,
  ]);
}

function carryOut(snapshot: Snapshot, request: PersonRequest): Action[] {
  const { change } = snapshot;
  // Bound to its commit, an approval is worth remembering whatever became of the place meanwhile.
  if (request.kind === 'approve')
    return request.sha === null ? [] : [{ kind: 'approve', sha: request.sha, by: request.by }];
  if (!change.isOpen || request.sha !== change.headSha) return [];
  switch (request.kind) {
    case 'cancel':
      return snapshot.jobs
        .filter((job) => !job.isEnded && isMeant(request, job))
        .map((job) => ({ kind: 'cancel', jobId: job.id, reason: 'person', by: request.by }));
    case 'test':
    case 'retry':
      return retried(snapshot, request).map((check) => enqueue(snapshot, check, `request:${request.id}`));
    case 'skip':
    case 'help':
    case 'mistake':
      return [];
    default:
      return request.kind satisfies never;
  }
}

/** A test by request runs what it names, manual checks too; a retry without names repeats what is there. */
function retried(snapshot: Snapshot, request: PersonRequest): readonly PlannedCheck[] {
  if (snapshot.plan.kind === 'nothing' || !mayRun(snapshot)) return [];
  // What waits or runs is never queued twice.
  const isUnderway = (check: PlannedCheck): boolean =>
    snapshot.jobs.some((job) => !job.isEnded && job.sha === request.sha && job.context === check.context);
  const checks = snapshot.plan.checks.filter((check) => !isUnderway(check));
  if (request.jobId !== null) {
    const job = snapshot.jobs.find((known) => known.id === request.jobId);
    return checks.filter((check) => check.context === job?.context);
  }
  if (request.contexts.length > 0) return checks.filter((check) => request.contexts.includes(check.context));
  return checks.filter((check) => !check.isManual);
}

function isMeant(request: PersonRequest, job: JobKnown): boolean {
  if (request.jobId !== null) return job.id === request.jobId;
  return request.contexts.length === 0 || request.contexts.includes(job.context);
}

/** A stranger's commit runs only after somebody approved exactly this commit. */
function mayRun({ change, approvedShas, requests }: Snapshot): boolean {
  return (
    change.isTrusted ||
    approvedShas.includes(change.headSha) ||
    requests.some((request) => request.kind === 'approve' && !request.isDone && request.sha === change.headSha)
  );
}

function decideWanted(snapshot: Snapshot): Action[] {
  const { change, plan } = snapshot;
  if (!change.isOpen) return [];
  if (plan.kind === 'nothing') return [notice(snapshot, { kind: 'nothing-to-run', sentence: plan.sentence })];
  const automatic = plan.checks.filter((check) => !check.isManual);
  if (automatic.length > 0 && !mayRun(snapshot)) {
    return [notice(snapshot, { kind: 'needs-approval', sentence: 'Waiting for approval of this commit' })];
  }
  const wanted = automatic.filter((check) => isWanted(snapshot, check));
  return [
    notice(snapshot, null),
    ...resumed(snapshot, automatic),
    ...wanted.map((check) => enqueue(snapshot, check, 'change')),
  ];
}

/**
 * Not judged yet, as far as the ledger knows, or, where the ledger knows nothing, the forge (R11).
 * Superseded and closed are no verdict (R13).
 */
function isWanted(snapshot: Snapshot, check: PlannedCheck): boolean {
  const id = idFor(snapshot, check, 'change');
  const known = snapshot.jobs.find((job) => job.id === id);
  if (known !== undefined) return isAgainWanted(known);
  const seen = snapshot.statuses.find((status) => status.context === check.context);
  if (seen?.changeJobId !== id) return true;
  // A person's later request has the word: what the push asked for was judged before it, or is replaced by it.
  if (seen.jobId !== id) return false;
  return seen.state === 'pending' || seen.isCanceled;
}

/** Ended, but without a verdict (R13). */
function isAgainWanted(known: JobKnown): boolean {
  return (
    known.outcome?.kind === 'canceled' && (known.outcome.reason === 'superseded' || known.outcome.reason === 'closed')
  );
}

/** Requested jobs that the forge shows pending and a lost ledger forgot: the request stands on the forge, done or not (R11). */
function resumed(snapshot: Snapshot, checks: readonly PlannedCheck[]): Action[] {
  const forgotten = snapshot.statuses.filter(
    (status) =>
      status.state === 'pending' &&
      status.jobId !== status.changeJobId &&
      !snapshot.jobs.some((job) => job.id === status.jobId),
  );
  return forgotten.flatMap((status) => {
    const check = checks.find((planned) => planned.context === status.context);
    if (check === undefined) return [];
    const request = snapshot.requests.find((asked) => idFor(snapshot, check, `request:${asked.id}`) === status.jobId);
    return [enqueue(snapshot, check, request === undefined ? 'change' : `request:${request.id}`)];
  });
}

function enqueue(snapshot: Snapshot, check: PlannedCheck, occasion: string): Action {
  const { isManual: _isManual, ...order } = check;
  const subject = subjectOf(snapshot.change);
  const job: Job = {
    ...order,
    id: idFor(snapshot, check, occasion),
    subject,
    occasion,
    isTrusted: snapshot.change.isTrusted,
  };
  return { kind: 'enqueue', job, generation: generationSeen(snapshot.statuses, job.id) + 1 };
}

/** What the forge remembers of this job from an earlier ledger's life (R11); 0 when nothing. */
function generationSeen(statuses: readonly StatusSeen[], id: JobId): number {
  return Math.max(0, ...statuses.filter((status) => status.jobId === id).map((status) => status.generation ?? 0));
}

function idFor({ change }: Snapshot, check: PlannedCheck, occasion: string): JobId {
  return jobIdOf({
    subject: subjectOf(change),
    context: check.context,
    occasion,
    commandSubject: check.commandSubject,
    isTrusted: change.isTrusted,
  });
}

function notice({ change }: Snapshot, text: Notice | null): Action {
  return { kind: 'notice', sha: change.headSha, context: noticeContext, notice: text };
}

/** The forge shows something else for a job than the ledger says: a lost or late post. */
function restateDiffering({ statuses, jobs, change, remembersStatuses }: Snapshot): Action[] {
  if (!remembersStatuses) return [];
  return jobs
    .filter((job) => job.sha === change.headSha && job.hasWord)
    .filter((job) => {
      const seen = statuses.find((status) => status.context === job.context);
      return seen?.jobId !== job.id || seen.generation !== job.generation || seen.state !== verdictStateOf(job.outcome);
    })
    .map((job) => ({ kind: 'restate', jobId: job.id }));
}

/**
 * Two places may share a commit (two pull requests, two bases). When the job with the word ended without a verdict because
 * the other place went away, the word goes back to the one that is still wanted here.
 */
function restateSilenced(snapshot: Snapshot): Action[] {
  const { change, plan, jobs } = snapshot;
  if (!change.isOpen || plan.kind === 'nothing') return [];
  return plan.checks.flatMap((check) => {
    const mine = jobs.find((job) => job.id === idFor(snapshot, check, 'change'));
    const speaker = jobs.find((job) => job.context === check.context && job.hasWord);
    if (mine === undefined || speaker === undefined || speaker.id === mine.id || isAgainWanted(mine)) return [];
    return isAgainWanted(speaker) ? [{ kind: 'restate', jobId: mine.id } as const] : [];
  });
}
