/**
 * What is tested: one commit of one repository, seen from one place (a pull request or a branch).
 * `sha` is the full object id. `baseRef` is the branch that the change is meant for; for a plain branch it is that branch.
 */
export interface Subject {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly pull: number | null;
  readonly baseRef: string;
  readonly branch: string | null;
}

/** Names the place that moves (a pull request or a branch), not the commit: `forge|repo|pull/7`, `forge|repo|branch/main`. */
export function changeKey(place: Pick<Subject, 'forge' | 'repo' | 'pull' | 'branch' | 'baseRef'>): string {
  const where = place.pull === null ? `branch/${place.branch ?? place.baseRef}` : `pull/${String(place.pull)}`;
  return `${place.forge}|${place.repo}|${where}`;
}
