import { putIssue } from './act-announce.ts';
import type { Json } from './json.ts';
import { statusPayload } from './json-commit.ts';
import { commentJson, issueJson } from './json-issue.ts';
import type { Comment, Reaction, ReactionContent, Repository, Status, StatusState } from './records.ts';
import { accountOf, change, withEntry, type World } from './world.ts';

/** A status to set. */
export interface NewStatus {
  readonly context?: string;
  readonly state: StatusState;
  readonly description?: string | null;
  readonly targetUrl?: string | null;
}

/** Sets a status of a commit as `by`, without any limit: the limits stand at the API's door. */
export function setStatus(world: World, repo: Repository, sha: string, wanted: NewStatus & { by: string }): Status {
  const status: Status = {
    id: world.nextId(),
    sha,
    context: wanted.context ?? 'default',
    state: wanted.state,
    description: wanted.description ?? null,
    targetUrl: wanted.targetUrl ?? null,
    creator: wanted.by,
    createdAt: world.clock.now(),
  };
  const all = repo.statuses.get(sha) ?? [];
  all.push(status);
  repo.statuses.set(sha, all);
  const payload = async (): Promise<Json> => {
    const [commit] = await world.git.log(repo.gitDir, sha, null, 1);
    if (commit === undefined) throw new Error(`${sha} vanished`);
    return statusPayload(world, repo, status, commit);
  };
  const sender = accountOf(world, wanted.by);
  world.announce({ event: 'status', action: null, repo, installation: null, sender, payload });
  return status;
}

/** Comments on an issue or a pull request. */
export function createComment(
  world: World,
  repo: Repository,
  { issue, body, by }: { readonly issue: number; readonly body: string; readonly by: string },
): Comment {
  const now = world.clock.now();
  const comment: Comment = {
    id: world.nextId(),
    issue,
    author: by,
    body,
    createdAt: now,
    updatedAt: now,
    lastEditedAt: null,
    editor: null,
    reactions: [],
  };
  repo.issueOfComment.set(comment.id, issue);
  putComments(world, repo, issue, [...(repo.state.comments.get(issue) ?? []), comment]);
  const about = repo.state.issues.get(issue);
  if (about !== undefined) putIssue(world, repo, { ...about, updatedAt: now });
  announceComment(world, repo, comment, { action: 'created' }, by);
  return comment;
}

/** The comment with this id, or null. */
export function commentOf(repo: Repository, id: number, state = repo.state): Comment | null {
  const issue = repo.issueOfComment.get(id);
  if (issue === undefined) return null;
  return state.comments.get(issue)?.find((comment) => comment.id === id) ?? null;
}

export function editComment(
  world: World,
  repo: Repository,
  comment: Comment,
  to: { body: string; by: string },
): Comment {
  const now = world.clock.now();
  const edited = replaceComment(world, repo, {
    ...comment,
    body: to.body,
    updatedAt: now,
    lastEditedAt: now,
    editor: to.by,
  });
  announceComment(world, repo, edited, { action: 'edited', changes: { body: { from: comment.body } } }, to.by);
  return edited;
}

export function deleteComment(world: World, repo: Repository, comment: Comment, by: string): void {
  const left = (repo.state.comments.get(comment.issue) ?? []).filter(({ id }) => id !== comment.id);
  putComments(world, repo, comment.issue, left);
  announceComment(world, repo, comment, { action: 'deleted' }, by);
}

/** Reacts to a comment; the same reaction of the same person again is the one that is there. No hook hears of it. */
export function react(
  world: World,
  repo: Repository,
  comment: Comment,
  { content, by }: { readonly content: ReactionContent; readonly by: string },
): { readonly reaction: Reaction; readonly isNew: boolean } {
  const there = comment.reactions.find((other) => other.content === content && other.user === by);
  if (there !== undefined) return { reaction: there, isNew: false };
  const reaction: Reaction = { id: world.nextId(), user: by, content, createdAt: world.clock.now() };
  replaceComment(world, repo, { ...comment, reactions: [...comment.reactions, reaction] });
  return { reaction, isNew: true };
}

/** Takes a reaction away. */
export function unreact(world: World, repo: Repository, comment: Comment, id: number): void {
  replaceComment(world, repo, { ...comment, reactions: comment.reactions.filter((reaction) => reaction.id !== id) });
}

function replaceComment(world: World, repo: Repository, comment: Comment): Comment {
  const all = repo.state.comments.get(comment.issue) ?? [];
  putComments(
    world,
    repo,
    comment.issue,
    all.map((other) => (other.id === comment.id ? comment : other)),
  );
  return comment;
}

function putComments(world: World, repo: Repository, issue: number, comments: readonly Comment[]): void {
  change(world, repo, { comments: withEntry(repo.state.comments, issue, comments) });
}

function announceComment(
  world: World,
  repo: Repository,
  comment: Comment,
  what: { readonly action: string; readonly [key: string]: unknown },
  by: string,
): void {
  const issue = repo.state.issues.get(comment.issue);
  if (issue === undefined) return;
  const { state } = repo;
  const payload = (): Json => ({
    ...what,
    issue: issueJson(world, repo, state, issue),
    comment: commentJson(world, repo, comment),
  });
  const sender = accountOf(world, by);
  world.announce({ event: 'issue_comment', action: what.action, repo, installation: null, sender, payload });
}
