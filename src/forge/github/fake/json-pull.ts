import type { Json } from './json.ts';
import { simpleUser } from './json-account.ts';
import { associationOf, labelsJson } from './json-issue.ts';
import { repoJson } from './json-repo.ts';
import type { FileDiff } from './git-store.ts';
import { fullName, type Issue, type PullPart, type Repository, type RepoState } from './records.ts';
import { iso, nodeId, type World } from './world.ts';

/** A pull request: an issue whose `pull` is there. */
export type Pull = Issue & { readonly pull: PullPart };

/** True for an issue that is a pull request. */
export function isPull(issue: Issue | undefined): issue is Pull {
  return issue !== undefined && issue.pull !== null;
}

/** Schema `pull-request-simple`, as lists show it. */
export function simplePull(world: World, repo: Repository, state: RepoState, pull: Pull): Json {
  const repository = `${world.urls.api}/repos/${fullName(repo)}`;
  const url = `${repository}/pulls/${pull.number}`;
  const issueUrl = `${repository}/issues/${pull.number}`;
  const html = `${world.urls.web}/${fullName(repo)}/pull/${pull.number}`;
  const statuses = `${repository}/statuses/${pull.pull.head.sha}`;
  const link = (href: string): Json => ({ href });
  return {
    url,
    id: pull.id,
    node_id: nodeId('PullRequest', pull.id),
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issueUrl,
    number: pull.number,
    state: pull.state,
    locked: pull.isLocked,
    title: pull.title,
    user: simpleUser(world, pull.author),
    body: pull.body,
    created_at: iso(pull.createdAt),
    updated_at: iso(pull.updatedAt),
    closed_at: pull.closedAt === null ? null : iso(pull.closedAt),
    merged_at: pull.pull.mergedAt === null ? null : iso(pull.pull.mergedAt),
    merge_commit_sha: pull.pull.mergeCommitSha,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: labelsJson(world, repo, state, pull),
    milestone: null,
    draft: pull.pull.isDraft,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${repository}/pulls/comments{/number}`,
    comments_url: `${issueUrl}/comments`,
    statuses_url: statuses,
    head: headJson(world, pull),
    base: endJson(world, repo, pull.pull.base),
    _links: {
      self: link(url),
      html: link(html),
      issue: link(issueUrl),
      comments: link(`${issueUrl}/comments`),
      review_comments: link(`${url}/comments`),
      review_comment: link(`${repository}/pulls/comments{/number}`),
      commits: link(`${url}/commits`),
      statuses: link(statuses),
    },
    author_association: associationOf(repo, pull.author),
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** `repo` and `user` are null once the fork is deleted, as on GitHub. */
function headJson(world: World, pull: Pull): Json {
  const { head } = pull.pull;
  const from = world.repos.get(head.repo.toLowerCase());
  if (from !== undefined) return endJson(world, from, head);
  return { label: `unknown:${head.ref}`, ref: head.ref, sha: head.sha, user: null, repo: null };
}

function endJson(world: World, repo: Repository, end: { readonly ref: string; readonly sha: string }): Json {
  return {
    label: `${repo.owner.login}:${end.ref}`,
    ref: end.ref,
    sha: end.sha,
    user: simpleUser(world, repo.owner.login),
    repo: repoJson(world, repo),
  };
}

/** Schema `pull-request`: one by itself, and in webhooks. Asks git what it changes. */
export async function fullPull(world: World, repo: Repository, state: RepoState, pull: Pull): Promise<Json> {
  const { base, head, mergedAt, mergedBy } = pull.pull;
  const [files, commits] = await Promise.all([
    changedFiles(world, repo, base.sha, head.sha),
    world.git.log(repo.gitDir, head.sha, base.sha, 250),
  ]);
  const sum = (of: 'additions' | 'deletions'): number => files.reduce((total, file) => total + file[of], 0);
  return {
    ...simplePull(world, repo, state, pull),
    merged: mergedAt !== null,
    // GitHub works it out later, and says null until then; we never do.
    mergeable: null,
    rebaseable: null,
    mergeable_state: 'unknown',
    merged_by: mergedBy === null ? null : simpleUser(world, mergedBy),
    comments: state.comments.get(pull.number)?.length ?? 0,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: commits.length,
    additions: sum('additions'),
    deletions: sum('deletions'),
    changed_files: files.length,
  };
}

const diffs = new WeakMap<Repository, Map<string, Promise<readonly FileDiff[]>>>();
const mostDiffs = 50;

/** What a pull request changes; remembered for a few, since commits never change. */
export function changedFiles(world: World, repo: Repository, base: string, head: string): Promise<readonly FileDiff[]> {
  const known = diffs.get(repo) ?? new Map<string, Promise<readonly FileDiff[]>>();
  diffs.set(repo, known);
  const key = `${base}...${head}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = world.git.diff(repo.gitDir, base, head);
  known.set(key, made);
  made.catch(() => known.delete(key));
  for (const oldest of known.keys()) {
    if (known.size <= mostDiffs) break;
    known.delete(oldest);
  }
  return made;
}
