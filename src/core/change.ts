import type { Subject } from './subject.ts';
import type { VerdictState } from './verdict.ts';

/**
 * What the forge says of whoever made a change. `unknown`: nobody could tell just now, which is neither: it starts nothing, ends
 * nothing, and is asked again.
 */
export type ChangeTrust = 'trusted' | 'untrusted' | 'unknown';

/**
 * A pull request or branch as the forge shows it now. All text is a stranger's.
 * `version` orders two views of the same place (the forge's own `updated_at`, or a count of looks): an older one is stale; whole numbers.
 * `trust`: whether the forge vouches for whoever made it (a plain branch: always).
 */
export interface Change {
  readonly key: string;
  readonly forge: string;
  readonly repo: string;
  readonly pull: number | null;
  readonly branch: string | null;
  readonly headSha: string;
  readonly baseRef: string;
  readonly title: string;
  readonly author: string;
  readonly labels: readonly string[];
  readonly isDraft: boolean;
  readonly isOpen: boolean;
  readonly trust: ChangeTrust;
  readonly version: number;
}

/**
 * A commit status of ours as the forge shows it. All but context, state and description is read from the target URL (R11),
 * never from the wording: `jobId` and `generation` of the job that wrote it; `changeJobId`, the job that a plain push asks
 * for at this place (the same id, unless a person's request wrote it); `isCanceled`: superseded or closed, no verdict (R13).
 */
export interface StatusSeen {
  readonly context: string;
  readonly state: VerdictState;
  readonly description: string;
  readonly jobId: string | null;
  readonly generation: number | null;
  readonly changeJobId: string | null;
  readonly isCanceled: boolean;
  /** Ours, and says that nothing needs to be tested (`skip`). */
  readonly isSkip?: boolean;
}

/** A run of it counts as a trusted one, with secrets: for that, `unknown` is no. */
export function isTrusted({ trust }: Pick<Change, 'trust'>): boolean {
  return trust === 'trusted';
}

/** The subject of a change at its head. */
export function subjectOf(change: Change): Subject {
  const { forge, repo, headSha, pull, baseRef, branch } = change;
  return { forge, repo, sha: headSha, pull, baseRef, branch };
}
