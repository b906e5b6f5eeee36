import type { Action, Notice } from '../core/action.ts';
import type { PlannedCheck } from '../core/snapshot.ts';
import { changeOccasion, idFor, isAgainWanted, isAskedNow, mayRun, type Look } from './look.ts';
import { placeOrder } from './place-order.ts';
import { standingOf } from './standing.ts';

/** The status context of everything that is said about a change and belongs to no job. */
export const noticeContext = 'groundcrew';

/** What the push asks for: jobs, or one sentence why there are none. */
export function decideWanted(look: Look): readonly Action[] {
  const { change, plan } = look.snapshot;
  if (!change.isOpen) return [];
  if (plan.kind === 'nothing') return [notice(look, { kind: 'nothing-to-run', sentence: plan.sentence })];
  const skips = look.checks.flatMap((check) => skipByPolicy(look, check));
  if (awaitsApproval(look)) {
    return [notice(look, { kind: 'needs-approval', sentence: 'Waiting for approval of this commit' }), ...skips];
  }
  return [
    notice(look, null),
    ...skips,
    ...(mayRun(look) ? look.checks.flatMap((check) => resume(look, check)) : []),
    ...look.checks
      .filter((check) => standingOf(look, check).kind === 'wanted')
      .map((check) => placeOrder(look, check, changeOccasion)),
  ];
}

/** Something would run, were this commit not by somebody who is not known to be trusted, and approved by nobody. */
export function awaitsApproval(look: Look): boolean {
  if (mayRun(look)) return false;
  // What runs or is judged already waits for nobody, only because we cannot tell for a while.
  if (look.snapshot.change.trust === 'unknown')
    return look.checks.some((check) => standingOf(look, check).kind === 'wanted');
  return look.checks.some((check) => isStartedByPush(look, check));
}

function isStartedByPush(look: Look, check: PlannedCheck): boolean {
  if (check.isManual) return false;
  const { kind } = standingOf(look, check);
  return kind !== 'skipped' && kind !== 'not-needed';
}

/**
 * What the path filter leaves out is told once, and again when the filter is another; never over what another place with the
 * same commit had tested: a stranger's second pull request would make the red of the first one green.
 */
function skipByPolicy(look: Look, check: PlannedCheck): Action[] {
  const standing = standingOf(look, check);
  if (standing.kind !== 'not-needed') return [];
  const speaker = look.speaker.get(check.context);
  const isOthers = speaker !== undefined && speaker.changeKey !== look.snapshot.change.key;
  if (isOthers && !isAgainWanted(speaker)) return [];
  const { sentence } = standing;
  if (look.skipped.get(check.context)?.sentence === sentence) return [];
  return [{ kind: 'skip', sha: look.headSha, context: check.context, sentence, isByPolicy: true }];
}

/** A requested job that the forge shows pending and a lost ledger forgot: the request stands on the forge, done or not (R11). */
function resume(look: Look, check: PlannedCheck): Action[] {
  const seen = look.statuses.get(check.context);
  if (seen?.state !== 'pending' || seen.jobId === seen.changeJobId) return [];
  if (seen.jobId === null || look.jobs.has(seen.jobId) || isAskedNow(look, check.context)) return [];
  if (standingOf(look, check).kind === 'skipped') return [];
  const occasions = look.snapshot.requests.map(({ id }) => `request:${id}`);
  const asked = occasions.find((occasion) => idFor(look, check, occasion) === seen.jobId);
  return [placeOrder(look, check, asked ?? changeOccasion)];
}

function notice({ snapshot }: Look, text: Notice | null): Action {
  return { kind: 'notice', sha: snapshot.change.headSha, context: noticeContext, notice: text };
}
