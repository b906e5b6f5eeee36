import type { Json } from './json.ts';
import { labelJson, simpleUser } from './json-account.ts';
import { type Comment, fullName, type Issue, reactionContents, type Repository, type RepoState } from './records.ts';
import { iso, nodeId, permissionOf, type World } from './world.ts';

/** How the author stands to the repository. https://docs.github.com/en/graphql/reference/enums#commentauthorassociation */
export function associationOf(repo: Repository, login: string): 'OWNER' | 'MEMBER' | 'COLLABORATOR' | 'NONE' {
  const name = login.toLowerCase();
  if (repo.owner.login.toLowerCase() === name) return 'OWNER';
  if (repo.owner.members.has(name)) return 'MEMBER';
  const permission = permissionOf({ ...repo, isPrivate: true }, login);
  return permission === 'none' ? 'NONE' : 'COLLABORATOR';
}

/** Labels of an issue or pull request, in full. */
export function labelsJson(world: World, repo: Repository, state: RepoState, issue: Issue): readonly Json[] {
  return issue.labels.flatMap((name) => {
    const label = state.labels.get(name.toLowerCase());
    return label === undefined ? [] : [labelJson(world, fullName(repo), label)];
  });
}

/** Schema `issue`; of a pull request too, which then has the key `pull_request`. */
export function issueJson(world: World, repo: Repository, state: RepoState, issue: Issue): Json {
  const repository = `${world.urls.api}/repos/${fullName(repo)}`;
  const url = `${repository}/issues/${issue.number}`;
  const html = `${world.urls.web}/${fullName(repo)}/${issue.pull === null ? 'issues' : 'pull'}/${issue.number}`;
  return {
    url,
    repository_url: repository,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: html,
    id: issue.id,
    node_id: nodeId('Issue', issue.id),
    number: issue.number,
    title: issue.title,
    user: simpleUser(world, issue.author),
    labels: labelsJson(world, repo, state, issue),
    state: issue.state,
    locked: issue.isLocked,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: state.comments.get(issue.number)?.length ?? 0,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: issue.closedAt === null ? null : iso(issue.closedAt),
    author_association: associationOf(repo, issue.author),
    active_lock_reason: null,
    ...(issue.pull === null ? {} : { draft: issue.pull.isDraft, pull_request: pullLinks(repository, html, issue) }),
    body: issue.body,
    closed_by: issue.closedBy === null ? null : simpleUser(world, issue.closedBy),
    reactions: reactionsJson(url, []),
    timeline_url: `${url}/timeline`,
    state_reason: issue.stateReason,
  };
}

function pullLinks(repository: string, html: string, issue: Issue): Json {
  const mergedAt = issue.pull?.mergedAt ?? null;
  return {
    url: `${repository}/pulls/${issue.number}`,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    merged_at: mergedAt === null ? null : iso(mergedAt),
  };
}

/** Schema `issue-comment`. */
export function commentJson(world: World, repo: Repository, comment: Comment): Json {
  const url = `${world.urls.api}/repos/${fullName(repo)}/issues/comments/${comment.id}`;
  const isPull = (repo.state.issues.get(comment.issue)?.pull ?? null) !== null;
  const web = `${world.urls.web}/${fullName(repo)}/${isPull ? 'pull' : 'issues'}/${comment.issue}`;
  return {
    url,
    html_url: `${web}#issuecomment-${comment.id}`,
    issue_url: `${world.urls.api}/repos/${fullName(repo)}/issues/${comment.issue}`,
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    user: simpleUser(world, comment.author),
    created_at: iso(comment.createdAt),
    updated_at: iso(comment.updatedAt),
    author_association: associationOf(repo, comment.author),
    body: comment.body,
    reactions: reactionsJson(url, comment.reactions),
    performed_via_github_app: null,
  };
}

function reactionsJson(url: string, reactions: Comment['reactions']): Json {
  const counts = reactionContents.map((content) => {
    return [content, reactions.filter((reaction) => reaction.content === content).length] as const;
  });
  return { url: `${url}/reactions`, total_count: reactions.length, ...Object.fromEntries(counts) };
}
