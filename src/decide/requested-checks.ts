import type { PersonRequest } from '../core/request.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import { answers } from './answers.ts';
import { contextMatcher, createContextFilter } from './context-filter.ts';
import type { Look } from './look.ts';
import { answerOf, standingOf } from './standing.ts';
import { verdictStateOf } from './verdict-state.ts';

/** The checks that a request means, and what has to be said about the rest. */
export interface Requested {
  readonly checks: readonly PlannedCheck[];
  readonly comments: readonly string[];
}

/**
 * By the run that it names, by names and patterns, or, without any, all: a test means what a push would start (held back by a
 * label or not), a retry also the manual ones that ran here. `isOnlyFailed` leaves what failed or broke.
 */
export function requestedChecks(look: Look, request: PersonRequest): Requested {
  const { checks } = look;
  const { contexts, jobId, isOnlyFailed = false, kind } = request;
  const failedOnly = (found: readonly PlannedCheck[]): Requested => {
    if (!isOnlyFailed) return { checks: found, comments: [] };
    const failed = found.filter((check) => hasFailed(look, check));
    return { checks: failed, comments: failed.length === 0 ? [answers.noneFailed(look.headSha)] : [] };
  };
  if (jobId !== null) {
    const context = look.jobs.get(jobId)?.context;
    return failedOnly(checks.filter((check) => check.context === context));
  }
  if (contexts.length > 0) {
    const isMeant = createContextFilter(contexts);
    const found = failedOnly(checks.filter((check) => isMeant(check.context)));
    return { ...found, comments: [...unknownNames(look, contexts), ...found.comments] };
  }
  const isByPush = (check: PlannedCheck): boolean => !check.isManual || check.isHeld === true;
  const isThere = (check: PlannedCheck): boolean => kind === 'retry' && standingOf(look, check).kind === 'judged';
  const isSkipped = (check: PlannedCheck): boolean => ['skipped', 'not-needed'].includes(standingOf(look, check).kind);
  const found = failedOnly(checks.filter((check) => (isByPush(check) || isThere(check)) && !isSkipped(check)));
  if (found.checks.length > 0 || found.comments.length > 0) return found;
  return { checks: [], comments: [answers.nothingMeant(checks.map(({ context }) => context))] };
}

/** What is said about names and patterns that fit nothing. */
export function unknownNames(look: Look, patterns: readonly string[]): readonly string[] {
  const { plan } = look.snapshot;
  const contexts = look.checks.map(({ context }) => context);
  const leftOut = plan.kind === 'checks' ? (plan.leftOut ?? []) : [];
  const unknown: string[] = [];
  const said = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.startsWith('!')) continue;
    const matches = contextMatcher(pattern);
    if (contexts.some(matches)) continue;
    const missing = leftOut.filter(({ context }) => matches(context));
    for (const { context, why } of missing.slice(0, 10)) said.add(answers.leftOut(context, why));
    if (missing.length === 0) unknown.push(pattern);
  }
  return unknown.length === 0 ? [...said] : [...said, answers.unknown(unknown, contexts)];
}

/** The last verdict at the head is a failure of the change or of the machinery. */
function hasFailed(look: Look, check: PlannedCheck): boolean {
  const last = look.speaker.get(check.context) ?? answerOf(look, check);
  if (last !== null) {
    if (last.outcome?.kind === 'canceled') return false;
    return ['failure', 'error'].includes(verdictStateOf(last.outcome));
  }
  const seen = look.statuses.get(check.context);
  if (seen === undefined || seen.jobId === null) return false;
  return (seen.state === 'failure' || seen.state === 'error') && !seen.isCanceled;
}
