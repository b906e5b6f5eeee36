import type { Json } from './json.ts';
import { simpleOrganization, simpleUser } from './json-account.ts';
import { fullName, type Permission, type Repository } from './records.ts';
import { iso, isAtLeast, nodeId, type World } from './world.ts';

/** Schema `minimal-repository`, with every field that `repository` and `repository-webhooks` ask for too. */
export function repoJson(world: World, repo: Repository): Json {
  const name = fullName(repo);
  const url = `${world.urls.api}/repos/${name}`;
  const html = `${world.urls.web}/${name}`;
  const openIssues = [...repo.state.issues.values()].filter(({ state }) => state === 'open').length;
  return {
    id: repo.id,
    node_id: nodeId('Repository', repo.id),
    name: repo.name,
    full_name: name,
    private: repo.isPrivate,
    owner: simpleUser(world, repo.owner.login),
    html_url: html,
    description: null,
    fork: repo.parent !== null,
    url,
    archive_url: `${url}/{archive_format}{/ref}`,
    assignees_url: `${url}/assignees{/user}`,
    blobs_url: `${url}/git/blobs{/sha}`,
    branches_url: `${url}/branches{/branch}`,
    collaborators_url: `${url}/collaborators{/collaborator}`,
    comments_url: `${url}/comments{/number}`,
    commits_url: `${url}/commits{/sha}`,
    compare_url: `${url}/compare/{base}...{head}`,
    contents_url: `${url}/contents/{+path}`,
    contributors_url: `${url}/contributors`,
    deployments_url: `${url}/deployments`,
    downloads_url: `${url}/downloads`,
    events_url: `${url}/events`,
    forks_url: `${url}/forks`,
    git_commits_url: `${url}/git/commits{/sha}`,
    git_refs_url: `${url}/git/refs{/sha}`,
    git_tags_url: `${url}/git/tags{/sha}`,
    git_url: `git:${html.slice(html.indexOf('//'))}.git`,
    hooks_url: `${url}/hooks`,
    issue_comment_url: `${url}/issues/comments{/number}`,
    issue_events_url: `${url}/issues/events{/number}`,
    issues_url: `${url}/issues{/number}`,
    keys_url: `${url}/keys{/key_id}`,
    labels_url: `${url}/labels{/name}`,
    languages_url: `${url}/languages`,
    merges_url: `${url}/merges`,
    milestones_url: `${url}/milestones{/number}`,
    notifications_url: `${url}/notifications{?since,all,participating}`,
    pulls_url: `${url}/pulls{/number}`,
    releases_url: `${url}/releases{/id}`,
    ssh_url: `git@github.com:${name}.git`,
    stargazers_url: `${url}/stargazers`,
    statuses_url: `${url}/statuses/{sha}`,
    subscribers_url: `${url}/subscribers`,
    subscription_url: `${url}/subscription`,
    svn_url: html,
    tags_url: `${url}/tags`,
    teams_url: `${url}/teams`,
    trees_url: `${url}/git/trees{/sha}`,
    clone_url: `${html}.git`,
    mirror_url: null,
    homepage: null,
    language: null,
    forks: 0,
    forks_count: 0,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    size: 0,
    default_branch: repo.defaultBranch,
    open_issues: openIssues,
    open_issues_count: openIssues,
    is_template: false,
    topics: [],
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: false,
    disabled: false,
    visibility: repo.isPrivate ? 'private' : 'public',
    pushed_at: iso(repo.pushedAt),
    created_at: iso(repo.createdAt),
    updated_at: iso(repo.pushedAt),
    license: null,
    allow_forking: true,
    web_commit_signoff_required: false,
  };
}

/** Schema `full-repository`, with what the reader may do. */
export function fullRepoJson(world: World, repo: Repository, permission: Permission): Json {
  return {
    ...repoJson(world, repo),
    permissions: {
      admin: isAtLeast(permission, 'admin'),
      maintain: isAtLeast(permission, 'maintain'),
      push: isAtLeast(permission, 'push'),
      triage: isAtLeast(permission, 'triage'),
      pull: isAtLeast(permission, 'pull'),
    },
    network_count: 0,
    subscribers_count: 0,
    ...(repo.owner.type === 'Organization' ? { organization: simpleUser(world, repo.owner.login) } : {}),
    ...(repo.parent === null ? {} : { parent: repoJson(world, repo.parent), source: repoJson(world, repo.parent) }),
  };
}

/** What every webhook payload of a repository ends with. */
export function payloadEnds(world: World, repo: Repository, sender: string, installationId: number | null): Json {
  return {
    repository: repoJson(world, repo),
    ...(repo.owner.type === 'Organization' ? { organization: simpleOrganization(world, repo.owner) } : {}),
    ...(installationId === null
      ? {}
      : { installation: { id: installationId, node_id: nodeId('Integration', installationId) } }),
    sender: simpleUser(world, sender),
  };
}
