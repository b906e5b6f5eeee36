import type { Action } from '../core/action.ts';
import type { CancelReason } from '../core/outcome.ts';
import { ownRequestPrefix } from '../core/request.ts';
import type { JobKnown } from '../core/snapshot.ts';
import type { Look } from './look.ts';

/**
 * Ends jobs that the place no longer asks for: it closed, its head moved on, it is meant for another base, the policy has no such
 * check any more, or whoever made it is not trusted any more. Settles in `look` what it ends. All of these are wanted again
 * when things stand as before (R13).
 */
export function cancelStale(look: Look): readonly Action[] {
  const { change, jobs } = look.snapshot;
  return jobs.flatMap((job): Action[] => {
    if (job.isEnded || job.changeKey !== change.key) return [];
    const why = whyStale(look, job);
    if (why === null) return [];
    look.settled.stale.add(job.id);
    look.settled.stopped.add(job.id);
    return [{ kind: 'cancel', jobId: job.id, ...why }];
  });
}

interface Why {
  readonly reason: CancelReason;
  readonly by: string;
}

function whyStale(look: Look, job: JobKnown): Why | null {
  const { change } = look.snapshot;
  if (!change.isOpen) return { reason: 'closed', by: change.key };
  if (isLeftBehind(look, job)) return { reason: 'superseded', by: change.headSha };
  if (!isConfigured(look, job)) return { reason: 'policy', by: 'check' };
  return isNotTrusted(look, job) ? { reason: 'untrusted', by: change.author } : null;
}

/** A schedule asked for the commit that was the head at its time: a later push does not make it void. */
function isLeftBehind({ snapshot: { change } }: Look, job: JobKnown): boolean {
  if (job.occasion.startsWith('schedule:')) return false;
  return job.sha !== change.headSha || job.baseRef !== change.baseRef;
}

/** What cannot run for a while, since something of another repository is missing, is configured all the same. */
function isConfigured({ snapshot: { plan }, checks }: Look, { context }: JobKnown): boolean {
  if (plan.kind === 'nothing') return true;
  return [...checks, ...(plan.leftOut ?? [])].some((check) => check.context === context);
}

/**
 * Begun when whoever made the change was trusted, or approved, and by now they are known not to be. An approval lets this commit
 * be tested, but as a stranger's: what was given secrets ends all the same. What a person asked for goes on, for as long
 * as that person is one who may.
 */
function isNotTrusted(look: Look, job: JobKnown): boolean {
  if (look.snapshot.change.trust !== 'untrusted') return false;
  const isApproved = look.settled.approved.has(job.sha);
  return (job.isTrusted || !isApproved) && !isStoodFor(look, job);
}

/** The author's own word does not count any more; a request that nobody sees any more is nobody's. */
function isStoodFor({ snapshot }: Look, { occasion }: JobKnown): boolean {
  const asked = snapshot.requests.filter(({ id }) => occasion === `request:${id}`);
  if (asked.length === 0) return occasion.startsWith(`request:${ownRequestPrefix}`);
  return asked.some(({ isRefused }) => isRefused !== true);
}
