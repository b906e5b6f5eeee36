import { announceIssue, putIssue } from './act-announce.ts';
import { editIssue } from './act-issues.ts';
import { isPull, type Pull } from './json-pull.ts';
import { fullName, type Repository } from './records.ts';
import { repoOf, type World } from './world.ts';

/** A pull request to open: from `branch` of `from` (default: the repository itself) into `base` (default branch). */
export interface NewPull {
  readonly branch: string;
  readonly from?: string;
  readonly base?: string;
  readonly title?: string;
  readonly body?: string | null;
  readonly by?: string;
  readonly isDraft?: boolean;
  readonly labels?: readonly string[];
  /** A number of one's own, which must be free; else the next. */
  readonly number?: number;
}

/** Opens pull requests, with `refs/pull/N/head` in git. @throws Error when a branch is not there. */
export async function openPulls(world: World, repo: Repository, wanted: readonly NewPull[]): Promise<readonly Pull[]> {
  const refs: Record<string, string> = {};
  // One fetch for each fork, however many pull requests come from it.
  const forked = new Map<Repository, string[]>();
  const pulls: Pull[] = [];
  for (const { branch, from, base, title, body, by, isDraft, labels, number } of wanted) {
    const source = from === undefined ? repo : repoOf(world, from);
    const baseRef = base ?? repo.defaultBranch;
    const sha = tipOf(source, branch);
    const taken = number !== undefined && repo.state.issues.has(number);
    if (taken) throw new Error(`#${number} of the fake's ${fullName(repo)} is taken`);
    const given = number ?? repo.lastNumber + 1;
    repo.lastNumber = Math.max(repo.lastNumber, given);
    if (source === repo) refs[`refs/pull/${given}/head`] = sha;
    else {
      forked.set(source, [...(forked.get(source) ?? []), `+${sha}:refs/pull/${given}/head`]);
      repo.knownShas.add(sha);
    }
    const now = world.clock.now();
    pulls.push({
      id: world.nextId(),
      number: given,
      title: title ?? `Change ${branch}`,
      body: body ?? null,
      author: by ?? source.owner.login,
      state: 'open',
      stateReason: null,
      isLocked: false,
      labels: [],
      createdAt: now,
      updatedAt: now,
      closedAt: null,
      closedBy: null,
      pull: {
        isDraft: isDraft ?? false,
        head: { repo: fullName(source), ref: branch, sha },
        base: { ref: baseRef, sha: tipOf(repo, baseRef) },
        mergedAt: null,
        mergedBy: null,
        mergeCommitSha: null,
      },
    });
    const pull = pulls.at(-1);
    if (pull === undefined) continue;
    putIssue(world, repo, pull);
    if (labels === undefined) continue;
    const labelled = editIssue(world, repo, pull, { edit: { labels }, by: pull.author });
    if (isPull(labelled)) pulls[pulls.length - 1] = labelled;
  }
  for (const [source, refspecs] of forked) await world.git.fetch(source.gitDir, repo.gitDir, refspecs);
  if (Object.keys(refs).length > 0) await world.git.setRefs(repo.gitDir, refs);
  for (const pull of pulls) announceIssue(world, repo, pull, { action: 'opened' }, pull.author);
  return pulls;
}

/** @throws Error when there is no such pull request: a fault of the test. */
export function pullOf(repo: Repository, number: number): Pull {
  const pull = repo.state.issues.get(number);
  if (!isPull(pull)) throw new Error(`the fake's ${fullName(repo)} has no pull request #${number}`);
  return pull;
}

/** What may be edited of a pull request besides what an issue has. */
export interface PullEdit {
  readonly base?: string;
  readonly isDraft?: boolean;
}

/** Moves a pull request to another base, or makes it a draft or ready. */
export function editPull(
  world: World,
  repo: Repository,
  pull: Pull,
  { edit, by }: { edit: PullEdit; by: string },
): Pull {
  let now = pull;
  const put = (to: Partial<Pull['pull']>): void => {
    now = { ...now, updatedAt: world.clock.now(), pull: { ...now.pull, ...to } };
    putIssue(world, repo, now);
  };
  const { base } = pull.pull;
  if (edit.base !== undefined && edit.base !== base.ref) {
    put({ base: { ref: edit.base, sha: tipOf(repo, edit.base) } });
    const changes = { base: { ref: { from: base.ref }, sha: { from: base.sha } } };
    announceIssue(world, repo, now, { action: 'edited', changes }, by);
  }
  if (edit.isDraft !== undefined && edit.isDraft !== now.pull.isDraft) {
    put({ isDraft: edit.isDraft });
    announceIssue(world, repo, now, { action: edit.isDraft ? 'converted_to_draft' : 'ready_for_review' }, by);
  }
  return now;
}

/**
 * Closes or reopens. A pull request that opens again follows its branch again.
 * @throws Error when it cannot be opened, since it is merged or its branch is gone.
 */
export async function setPullState(
  world: World,
  repo: Repository,
  pull: Pull,
  { state, by }: { state: 'open' | 'closed'; by: string },
): Promise<void> {
  if (state === 'closed' || pull.state === state) {
    editIssue(world, repo, pull, { edit: { state }, by });
    return;
  }
  if (pull.pull.mergedAt !== null) throw new Error('a merged pull request cannot be opened again');
  const { head } = pull.pull;
  const source = repoOf(world, head.repo);
  const sha = tipOf(source, head.ref);
  await setHead(world, repo, pull.number, { source, sha });
  editIssue(world, repo, { ...pull, pull: { ...pull.pull, head: { ...head, sha } } }, { edit: { state }, by });
}

/** A branch moved (null: it is gone): so do, or end, the open pull requests that come from it or go into it. */
export async function followHead(
  world: World,
  source: Repository,
  moved: { readonly branch: string; readonly sha: string | null; readonly by: string },
): Promise<void> {
  const { branch, sha, by } = moved;
  const name = fullName(source);
  // A deleted repository is not in the table any more; its own pull requests are gone with it.
  for (const repo of [...world.repos.values()].filter(
    (other) => other === source || other.parent === source.parent || source.parent === other,
  )) {
    for (const pull of repo.state.issues.values()) {
      if (!isPull(pull) || pull.state !== 'open') continue;
      const { head, base } = pull.pull;
      const isFrom = head.repo === name && head.ref === branch;
      const isInto = repo === source && base.ref === branch;
      if (sha === null && (isFrom || isInto)) {
        editIssue(world, repo, pull, { edit: { state: 'closed' }, by });
      } else if (isFrom && sha !== null && sha !== head.sha) {
        await setHead(world, repo, pull.number, { source, sha });
        const now: Pull = {
          ...pull,
          updatedAt: world.clock.now(),
          pull: {
            ...pull.pull,
            head: { ...head, sha },
            base: { ...base, sha: repo.state.branches.get(base.ref) ?? base.sha },
          },
        };
        putIssue(world, repo, now);
        announceIssue(world, repo, now, { action: 'synchronize', before: head.sha, after: sha }, by);
      }
    }
  }
}

async function setHead(
  world: World,
  repo: Repository,
  number: number,
  { source, sha }: { source: Repository; sha: string },
): Promise<void> {
  if (source === repo) await world.git.setRefs(repo.gitDir, { [`refs/pull/${number}/head`]: sha });
  else await fetchHead(world, repo, number, { source, sha });
}

async function fetchHead(
  world: World,
  repo: Repository,
  number: number,
  { source, sha }: { source: Repository; sha: string },
): Promise<void> {
  await world.git.fetch(source.gitDir, repo.gitDir, [`+${sha}:refs/pull/${number}/head`]);
  repo.knownShas.add(sha);
}

function tipOf(repo: Repository, branch: string): string {
  const sha = repo.state.branches.get(branch);
  if (sha === undefined) throw new Error(`the fake's ${fullName(repo)} has no branch ${branch}`);
  return sha;
}
