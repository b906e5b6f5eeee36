import type { GitCommit, GitPerson } from './git-store.ts';
import type { Json } from './json.ts';
import { avatarUrl, simpleUser } from './json-account.ts';
import { repoJson } from './json-repo.ts';
import { fullName, type Repository, type Status } from './records.ts';
import { accountOf, iso, nodeId, type World } from './world.ts';

/** Schema `commit`. */
export function commitJson(world: World, repo: Repository, commit: GitCommit): Json {
  const repository = `${world.urls.api}/repos/${fullName(repo)}`;
  const url = `${repository}/commits/${commit.sha}`;
  const html = `${world.urls.web}/${fullName(repo)}/commit`;
  return {
    url,
    sha: commit.sha,
    node_id: nodeId('Commit', commit.sha),
    html_url: `${html}/${commit.sha}`,
    comments_url: `${url}/comments`,
    commit: {
      url: `${repository}/git/commits/${commit.sha}`,
      author: personJson(commit.author),
      committer: personJson(commit.committer),
      message: commit.message,
      comment_count: 0,
      tree: { sha: commit.tree, url: `${repository}/git/trees/${commit.tree}` },
      verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
    },
    author: userOf(world, commit.author),
    committer: userOf(world, commit.committer),
    parents: commit.parents.map((sha) => ({ sha, url: `${repository}/commits/${sha}`, html_url: `${html}/${sha}` })),
  };
}

function personJson(person: GitPerson): Json {
  return { name: person.name, email: person.email, date: person.date };
}

/** The account with the private address of that commit, or null. */
function userOf(world: World, person: GitPerson): Json | null {
  const login = /^(?:\d+\+)?(.+)@users\.noreply\.github\.com$/.exec(person.email)?.[1];
  return login !== undefined && world.accounts.has(login.toLowerCase()) ? simpleUser(world, login) : null;
}

/** Schema `status`: with its creator. */
export function statusJson(world: World, repo: Repository, status: Status): Json {
  return { ...simpleStatus(world, repo, status), creator: simpleUser(world, status.creator) };
}

function simpleStatus(world: World, repo: Repository, status: Status): Json {
  return {
    url: `${world.urls.api}/repos/${fullName(repo)}/statuses/${status.sha}`,
    avatar_url: avatarUrl(world, accountOf(world, status.creator)),
    id: status.id,
    node_id: nodeId('StatusContext', status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: iso(status.createdAt),
    updated_at: iso(status.createdAt),
  };
}

/** The newest status of each context, in the order of first appearance. */
export function latestStatuses(statuses: readonly Status[]): readonly Status[] {
  const latest = new Map<string, Status>();
  for (const status of statuses) latest.set(status.context, status);
  return [...latest.values()];
}

/** The state of a commit: https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference */
export function combinedState(statuses: readonly Status[]): 'failure' | 'pending' | 'success' {
  if (statuses.some(({ state }) => state === 'failure' || state === 'error')) return 'failure';
  return statuses.length === 0 || statuses.some(({ state }) => state === 'pending') ? 'pending' : 'success';
}

/** Schema `combined-commit-status`. `page` is the part of `all` to list. */
export function combinedStatus(
  world: World,
  repo: Repository,
  sha: string,
  all: readonly Status[],
  page: readonly Status[],
): Json {
  const url = `${world.urls.api}/repos/${fullName(repo)}/commits/${sha}`;
  return {
    state: combinedState(all),
    statuses: page.map((status) => simpleStatus(world, repo, status)),
    sha,
    total_count: all.length,
    repository: repoJson(world, repo),
    commit_url: url,
    url: `${url}/status`,
  };
}

/** A commit in the payload of a push. */
export function pushedCommit(world: World, repo: Repository, commit: GitCommit): Json {
  const person = (of: GitPerson): Json => ({
    name: of.name,
    email: of.email,
    date: of.date,
    username: userOf(world, of)?.['login'] ?? of.name,
  });
  return {
    id: commit.sha,
    tree_id: commit.tree,
    distinct: true,
    message: commit.message,
    timestamp: commit.committer.date,
    url: `${world.urls.web}/${fullName(repo)}/commit/${commit.sha}`,
    author: person(commit.author),
    committer: person(commit.committer),
    added: [],
    removed: [],
    modified: [],
  };
}

/** Payload of the event `status`, without its ends. */
export function statusPayload(world: World, repo: Repository, status: Status, commit: GitCommit): Json {
  const sides = [...repo.state.branches].filter(([, sha]) => sha === status.sha).slice(0, 10);
  return {
    id: status.id,
    sha: status.sha,
    name: fullName(repo),
    target_url: status.targetUrl,
    avatar_url: avatarUrl(world, accountOf(world, status.creator)),
    context: status.context,
    description: status.description,
    state: status.state,
    commit: commitJson(world, repo, commit),
    branches: sides.map(([name, sha]) => branchShort(world, repo, name, sha)),
    created_at: iso(status.createdAt),
    updated_at: iso(status.createdAt),
  };
}

/** Schema `short-branch`. */
export function branchShort(world: World, repo: Repository, name: string, sha: string): Json {
  return {
    name,
    commit: { sha, url: `${world.urls.api}/repos/${fullName(repo)}/commits/${sha}` },
    protected: false,
  };
}
