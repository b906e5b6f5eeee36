import { isPull, type Pull } from './json-pull.ts';
import { associationOf } from './json-issue.ts';
import { connection } from './graphql-connection.ts';
import { define, type GraphqlNode, node } from './graphql-node.ts';
import { actorNode } from './graphql-people.ts';
import {
  type Comment,
  fullName,
  type Issue,
  type Label,
  type ReactionContent,
  reactionContents,
  type Repository,
} from './records.ts';
import { loginOf } from './call.ts';
import { iso, nodeId } from './world.ts';

/** An issue or a pull request of a repository. */
export interface IssueAt<T extends Issue = Issue> {
  readonly repo: Repository;
  readonly issue: T;
}

interface CommentAt {
  readonly repo: Repository;
  readonly comment: Comment;
}

interface ReactionsAt {
  readonly comment: Comment;
  readonly content: ReactionContent;
}

/** https://docs.github.com/en/graphql/reference/enums#reactioncontent */
const reactionNames: Readonly<Record<ReactionContent, string>> = {
  '+1': 'THUMBS_UP',
  '-1': 'THUMBS_DOWN',
  laugh: 'LAUGH',
  confused: 'CONFUSED',
  heart: 'HEART',
  hooray: 'HOORAY',
  rocket: 'ROCKET',
  eyes: 'EYES',
};

/** What issues and pull requests have in common. */
export const issueFields = define<IssueAt>({
  id: ({ issue }) => nodeId(isPull(issue) ? 'PullRequest' : 'Issue', issue.id),
  databaseId: ({ issue }) => issue.id,
  fullDatabaseId: ({ issue }) => String(issue.id),
  number: ({ issue }) => issue.number,
  title: ({ issue }) => issue.title,
  body: ({ issue }) => issue.body ?? '',
  locked: ({ issue }) => issue.isLocked,
  createdAt: ({ issue }) => iso(issue.createdAt),
  updatedAt: ({ issue }) => iso(issue.updatedAt),
  closedAt: ({ issue }) => (issue.closedAt === null ? null : iso(issue.closedAt)),
  author: ({ issue }, _args, { world }) => actorNode(world, issue.author),
  authorAssociation: ({ repo, issue }) => associationOf(repo, issue.author),
  url: ({ repo, issue }, _args, { world }) =>
    `${world.urls.web}/${fullName(repo)}/${isPull(issue) ? 'pull' : 'issues'}/${issue.number}`,
  labels: ({ repo, issue }, args, { seen }) => {
    const labels = issue.labels.flatMap((name) => seen(repo).labels.get(name.toLowerCase()) ?? []);
    const items = labels.map((label, rank) => ({ node: node('Label', { repo, label }), rank, id: label.id }));
    return connection('LabelConnection', items, args);
  },
  comments: ({ repo, issue }, args, { seen }) => {
    const comments = seen(repo).comments.get(issue.number) ?? [];
    const items = comments.map((comment) => ({
      node: node('IssueComment', { repo, comment }),
      rank: comment.createdAt,
      id: comment.id,
    }));
    return connection('IssueCommentConnection', items, args);
  },
});

/** An issue, or a pull request. */
export function issueNode(repo: Repository, issue: Issue | Pull): GraphqlNode {
  return node(isPull(issue) ? 'PullRequest' : 'Issue', { repo, issue });
}

/** Resolvers of issues, comments, labels and reactions. */
export const commentTypes = {
  Issue: define<IssueAt>({
    ...issueFields,
    state: ({ issue }) => issue.state.toUpperCase(),
    stateReason: ({ issue }) => issue.stateReason?.toUpperCase() ?? null,
  }),
  Label: define<{ label: Label }>({
    id: ({ label }) => nodeId('Label', label.id),
    name: ({ label }) => label.name,
    color: ({ label }) => label.color,
    description: ({ label }) => label.description,
  }),
  IssueComment: define<CommentAt>({
    id: ({ comment }) => nodeId('IssueComment', comment.id),
    databaseId: ({ comment }) => comment.id,
    fullDatabaseId: ({ comment }) => String(comment.id),
    author: ({ comment }, _args, { world }) => actorNode(world, comment.author),
    editor: ({ comment }, _args, { world }) => (comment.editor === null ? null : actorNode(world, comment.editor)),
    authorAssociation: ({ repo, comment }) => associationOf(repo, comment.author),
    body: ({ comment }) => comment.body,
    createdAt: ({ comment }) => iso(comment.createdAt),
    updatedAt: ({ comment }) => iso(comment.updatedAt),
    lastEditedAt: ({ comment }) => (comment.lastEditedAt === null ? null : iso(comment.lastEditedAt)),
    isMinimized: () => false,
    viewerDidAuthor: ({ comment }, _args, { actor }) => comment.author === loginOf(actor),
    url: ({ repo, comment }, _args, { world }) =>
      `${world.urls.web}/${fullName(repo)}/issues/${comment.issue}#issuecomment-${comment.id}`,
    // All eight are always there.
    reactionGroups: ({ comment }) => reactionContents.map((content) => node('ReactionGroup', { comment, content })),
  }),
  ReactionGroup: define<ReactionsAt>({
    content: ({ content }) => reactionNames[content],
    createdAt: ({ comment, content }) => {
      const first = comment.reactions.find((reaction) => reaction.content === content);
      return first === undefined ? null : iso(first.createdAt);
    },
    viewerHasReacted: ({ comment, content }, _args, { actor }) =>
      comment.reactions.some((reaction) => reaction.content === content && reaction.user === loginOf(actor)),
  }),
};
