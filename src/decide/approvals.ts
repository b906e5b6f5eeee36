import type { PersonRequest } from '../core/request.ts';
import type { Look } from './look.ts';

/** Neither carried out, nor waiting until somebody can tell whether who asked may. */
export function isOpenRequest({ isDone, isUnclear }: PersonRequest): boolean {
  return !isDone && isUnclear !== true;
}

/** Settles the approvals that people gave and nobody carried out yet: whatever else is decided now counts with them. */
export function settleApprovals(look: Look): void {
  for (const request of look.snapshot.requests) {
    if (request.kind !== 'approve' || request.isRefused === true || !isOpenRequest(request)) continue;
    const sha = boundSha(look, request);
    if (sha !== null) look.settled.approved.add(sha);
  }
}

/**
 * The commit that an approval or a skip is good for: the one that it names in full; else the head, when it has the digits that
 * were typed and is known to have been there strictly before the comment. Else null: what was pushed meanwhile was not looked
 * at by anybody. First digits alone bind nothing: who makes both commits makes two that share a dozen of them in seconds.
 */
export function boundSha({ headSha, snapshot }: Look, { sha, askedAt }: PersonRequest): string | null {
  if (sha?.length === headSha.length) return sha;
  if (sha !== null && !headSha.startsWith(sha)) return null;
  const { headSince } = snapshot;
  return askedAt !== undefined && headSince !== undefined && headSince < askedAt ? headSha : null;
}
