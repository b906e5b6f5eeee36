import { isSince } from './act-issues.ts';
import { commentOf, createComment, deleteComment, editComment, react, unreact } from './act-talk.ts';
import { oneOf, textOf } from './body.ts';
import { loginOf, numberParam, type RepoCall, repoRoute, type Route } from './call.ts';
import { reactionJson } from './json-account.ts';
import { commentJson } from './json-issue.ts';
import { read, write } from './issue-access.ts';
import { pageOf } from './pages.ts';
import { invalid, notFound, refuse } from './refusal.ts';
import { type Comment, reactionContents } from './records.ts';
import { issueIn } from './rest-issues.ts';
import { isAtLeast, permissionOf } from './world.ts';

/** https://docs.github.com/en/rest/issues/comments and https://docs.github.com/en/rest/reactions/reactions */
export const commentRoutes: readonly Route[] = [
  repoRoute('GET /issues/{issue_number}/comments', read, (call) => {
    const all = call.state.comments.get(issueIn(call).number) ?? [];
    const page = pageOf(
      call,
      all.filter((comment) => isSince(comment.updatedAt, call.query.get('since'))),
    );
    return { body: page.items.map((comment) => commentJson(call.world, call.repo, comment)), headers: page.headers };
  }),
  repoRoute('POST /issues/{issue_number}/comments', write, (call) => {
    const issue = issueIn(call);
    const by = loginOf(call.actor);
    if (issue.isLocked && !isAtLeast(permissionOf(call.repo, by), 'push')) {
      throw refuse(403, 'Unable to create comment because issue is locked.');
    }
    const body = textOf(call, 'IssueComment', 'body');
    const comment = createComment(call.world, call.repo, { issue: issue.number, body, by });
    return { status: 201, body: commentJson(call.world, call.repo, comment) };
  }),
  repoRoute('GET /issues/comments', read, (call) => {
    const isUpdated = call.query.get('sort') === 'updated';
    const key = (comment: Comment): number => (isUpdated ? comment.updatedAt : comment.createdAt);
    const all = [...call.state.comments.values()]
      .flat()
      .filter((comment) => isSince(comment.updatedAt, call.query.get('since')))
      .sort((a, b) => key(a) - key(b) || a.id - b.id);
    if (call.query.get('direction') === 'desc') all.reverse();
    const page = pageOf(call, all);
    return { body: page.items.map((comment) => commentJson(call.world, call.repo, comment)), headers: page.headers };
  }),
  repoRoute('GET /issues/comments/{comment_id}', read, (call) => {
    const comment = commentIn(call);
    return { body: commentJson(call.world, call.repo, comment), modifiedAt: comment.updatedAt };
  }),
  repoRoute('PATCH /issues/comments/{comment_id}', write, (call) => {
    const comment = commentIn(call);
    const by = loginOf(call.actor);
    mayTouch(call, comment, by);
    const body = textOf(call, 'IssueComment', 'body');
    return { body: commentJson(call.world, call.repo, editComment(call.world, call.repo, comment, { body, by })) };
  }),
  repoRoute('DELETE /issues/comments/{comment_id}', write, (call) => {
    const comment = commentIn(call);
    const by = loginOf(call.actor);
    mayTouch(call, comment, by);
    deleteComment(call.world, call.repo, comment, by);
    return {};
  }),
  repoRoute('GET /issues/comments/{comment_id}/reactions', read, (call) => {
    const content = call.query.get('content');
    const { reactions } = commentIn(call);
    const page = pageOf(
      call,
      reactions.filter((reaction) => content === null || reaction.content === content),
    );
    return { body: page.items.map((reaction) => reactionJson(call.world, reaction)), headers: page.headers };
  }),
  repoRoute('POST /issues/comments/{comment_id}/reactions', write, (call) => {
    const comment = commentIn(call);
    const content = oneOf(call, 'Reaction', 'content', reactionContents);
    if (content === undefined) throw invalid('Reaction', 'content', { code: 'missing_field' });
    const { reaction, isNew } = react(call.world, call.repo, comment, { content, by: loginOf(call.actor) });
    return { status: isNew ? 201 : 200, body: reactionJson(call.world, reaction) };
  }),
  repoRoute('DELETE /issues/comments/{comment_id}/reactions/{reaction_id}', write, (call) => {
    const comment = commentIn(call);
    const id = numberParam(call, 'reaction_id');
    const reaction = comment.reactions.find((one) => one.id === id);
    if (reaction?.user !== loginOf(call.actor)) throw notFound();
    unreact(call.world, call.repo, comment, id);
    return {};
  }),
];

function commentIn(call: RepoCall): Comment {
  const comment = commentOf(call.repo, numberParam(call, 'comment_id'), call.state);
  if (comment === null) throw notFound();
  return comment;
}

function mayTouch(call: RepoCall, comment: Comment, by: string): void {
  if (comment.author !== by && !isAtLeast(permissionOf(call.repo, by), 'push')) {
    throw refuse(403, 'Must have admin rights to Repository.');
  }
}
