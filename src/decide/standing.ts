import type { JobKnown, PlannedCheck } from '../core/snapshot.ts';
import { changeIdAs, changeOccasion, isAgainWanted, isAskedNow, isUnderway, type Look } from './look.ts';

/**
 * How a check stands at the head of its place.
 * - `skipped`: a person said that it needs no test at this commit. `not-needed`: its path filter says so.
 * - `underway`: waits or runs, or is asked for by this very decision. `judged`: this commit has its verdict; `job` null when
 *   only the forge remembers it.
 * - `manual`: nobody asked for it yet.
 * - `wanted`: the push asks for it, and nothing has answered.
 */
export type Standing =
  | { readonly kind: 'skipped'; readonly sentence: string | null }
  | { readonly kind: 'not-needed'; readonly sentence: string }
  | { readonly kind: 'underway' }
  | { readonly kind: 'judged'; readonly job: JobKnown | null }
  | { readonly kind: 'manual' }
  | { readonly kind: 'wanted' };

/** The one rule for deciding and for explaining. */
export function standingOf(look: Look, check: PlannedCheck): Standing {
  const skip = skippedByPerson(look, check.context);
  if (skip !== null) return { kind: 'skipped', ...skip };
  if (isAskedNow(look, check.context)) return { kind: 'underway' };
  const answer = answerOf(look, check);
  if (answer !== null) return isUnderway(look, answer) ? { kind: 'underway' } : { kind: 'judged', job: answer };
  const isKnown = look.answering.get(check.context)?.some(({ occasion }) => occasion === changeOccasion) === true;
  const remembered = isKnown ? null : rememberedAnswer(look, check);
  if (remembered !== null) return remembered;
  if (check.isManual) return { kind: 'manual' };
  return check.skip === undefined ? { kind: 'wanted' } : { kind: 'not-needed', sentence: check.skip };
}

/**
 * The job that answers what the push asks of this check: its own, or another of the same question (a person's, a schedule's,
 * one against an earlier commit of another repository); one that is underway, else the newest. Superseded and closed are no
 * answer (R13).
 */
export function answerOf(look: Look, check: PlannedCheck): JobKnown | null {
  const jobs = look.answering.get(check.context) ?? [];
  return jobs.find((job) => isUnderway(look, job)) ?? jobs.findLast((job) => !isAgainWanted(job)) ?? null;
}

/** Where the ledger knows nothing, the forge tells (R11). */
function rememberedAnswer(look: Look, check: PlannedCheck): Standing | null {
  const seen = look.statuses.get(check.context);
  if (seen === undefined) return null;
  // Of a job that the ledger knows, the ledger knows better.
  if (seen.jobId !== null && look.jobs.has(seen.jobId)) return null;
  const isEnded = seen.state !== 'pending' && !seen.isCanceled;
  const id = changeIdAs(look, check, seen.changeJobId);
  if (seen.changeJobId !== id) {
    // The other repository moved on since, and with it the id; the verdict about this commit stands.
    const isElsewhere = check.commandSubject !== null || check.foreignShas !== undefined;
    return isElsewhere && seen.changeJobId !== null && isEnded ? { kind: 'judged', job: null } : null;
  }
  // A person's later request has the word: what the push asked for was judged before it, or is replaced by it.
  if (seen.jobId !== id && seen.state === 'pending') return { kind: 'underway' };
  return isEnded ? { kind: 'judged', job: null } : null;
}

function skippedByPerson(look: Look, context: string): { readonly sentence: string | null } | null {
  const now = look.settled.skipped.get(context);
  if (now !== undefined) return { sentence: now };
  if (isAskedNow(look, context)) return null;
  const known = look.skipped.get(context);
  if (known !== undefined) return known.isByPolicy ? null : { sentence: known.sentence };
  // Where the ledger knows nothing of the context, the forge remembers (R11).
  const seen = look.statuses.get(context);
  return seen?.isSkip === true && !look.speaker.has(context) ? { sentence: seen.description } : null;
}
