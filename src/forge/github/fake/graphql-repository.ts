import { covers } from './authenticate.ts';
import type { GitCommit, GitPerson } from './git-store.ts';
import { connection } from './graphql-connection.ts';
import { GraphqlError } from './graphql-error.ts';
import { type Args, define, type GraphqlContext, type GraphqlNode, node } from './graphql-node.ts';
import { actorNode } from './graphql-people.ts';
import { issueNode } from './graphql-talk.ts';
import { combinedState, latestStatuses } from './json-commit.ts';
import { isPull } from './json-pull.ts';
import { fullName, type Issue, type Repository, type Status } from './records.ts';
import { iso, nodeId, permissionOf, type World } from './world.ts';

interface CommitAt {
  readonly repo: Repository;
  readonly sha: string;
}

interface RefAt extends CommitAt {
  readonly name: string;
}

interface StatusAt {
  readonly repo: Repository;
  readonly status: Status;
}

/** A repository that the actor may read; null for the rest. */
export function visibleRepo({ actor, world }: GraphqlContext, name: string): Repository | null {
  const repo = world.repos.get(name.toLowerCase());
  if (repo === undefined) return null;
  if (!repo.isPrivate) return repo;
  if (actor.kind === 'user') return permissionOf(repo, actor.account.login) === 'none' ? null : repo;
  if (actor.kind !== 'installation') return null;
  return covers({ account: actor.installation.account, repos: actor.repos }, repo) ? repo : null;
}

const commits = new WeakMap<Repository, Map<string, Promise<GitCommit>>>();
const mostCommits = 1000;

/** A commit from git; remembered, since it never changes. */
function commitOf(world: World, { repo, sha }: CommitAt): Promise<GitCommit> {
  const known = commits.get(repo) ?? new Map<string, Promise<GitCommit>>();
  commits.set(repo, known);
  const read = async (): Promise<GitCommit> => {
    const [commit] = await world.git.log(repo.gitDir, sha, null, 1);
    if (commit === undefined) throw new Error(`the fake's ${fullName(repo)} has no commit ${sha}`);
    return commit;
  };
  const found = known.get(sha) ?? read();
  known.set(sha, found);
  for (const oldest of known.keys()) if (known.size > mostCommits) known.delete(oldest);
  return found;
}

function gitActor(person: GitPerson): GraphqlNode {
  return node('GitActor', person);
}

function refNode(repo: Repository, name: string, sha: string | undefined): GraphqlNode | null {
  return sha === undefined ? null : node('Ref', { repo, name, sha });
}

/** Issues or pull requests, filtered and ordered as asked. */
function issuesOf(typeName: string, all: readonly Issue[], repo: Repository, args: Args): GraphqlNode {
  const states = args['states'];
  const labels = args['labels'];
  const order = args['orderBy'] as { readonly field?: string; readonly direction?: string } | null | undefined;
  const stateOf = (issue: Issue): string =>
    (issue.pull?.mergedAt ?? null) === null ? issue.state.toUpperCase() : 'MERGED';
  const rank = (issue: Issue): number => (order?.field === 'UPDATED_AT' ? issue.updatedAt : issue.createdAt);
  const items = all
    .filter((issue) => !Array.isArray(states) || states.includes(stateOf(issue)))
    .filter((issue) => !Array.isArray(labels) || issue.labels.some((label) => labels.includes(label)))
    .filter((issue) => typeof args['baseRefName'] !== 'string' || issue.pull?.base.ref === args['baseRefName'])
    .filter((issue) => typeof args['headRefName'] !== 'string' || issue.pull?.head.ref === args['headRefName'])
    .map((issue) => ({ node: issueNode(repo, issue), rank: rank(issue), id: issue.number }));
  return connection(typeName, items, args, { isDown: order?.direction === 'DESC' });
}

const gitObject = {
  id: ({ sha }: CommitAt) => nodeId('Commit', sha),
  oid: ({ sha }: CommitAt) => sha,
  abbreviatedOid: ({ sha }: CommitAt) => sha.slice(0, 7),
};

const repositoryFields = define<Repository>({
  id: ({ id }) => nodeId('Repository', id),
  databaseId: ({ id }) => id,
  name: ({ name }) => name,
  nameWithOwner: (repo) => fullName(repo),
  owner: ({ owner }, _args, { world }) => actorNode(world, owner.login),
  isPrivate: ({ isPrivate }) => isPrivate,
  isArchived: () => false,
  url: (repo, _args, { world }) => `${world.urls.web}/${fullName(repo)}`,
  defaultBranchRef: (repo, _args, { seen }) =>
    refNode(repo, `refs/heads/${repo.defaultBranch}`, seen(repo).branches.get(repo.defaultBranch)),
  pullRequest: (repo, args, { seen }) => {
    const pull = seen(repo).issues.get(Number(args['number']));
    if (isPull(pull)) return issueNode(repo, pull);
    throw new GraphqlError(
      `Could not resolve to a PullRequest with the number of ${String(args['number'])}.`,
      'NOT_FOUND',
    );
  },
  issue: (repo, args, { seen }) => {
    const issue = seen(repo).issues.get(Number(args['number']));
    if (issue !== undefined && !isPull(issue)) return issueNode(repo, issue);
    throw new GraphqlError(`Could not resolve to an Issue with the number of ${String(args['number'])}.`, 'NOT_FOUND');
  },
  pullRequests: (repo, args, { seen }) =>
    issuesOf('PullRequestConnection', [...seen(repo).issues.values()].filter(isPull), repo, args),
  issues: (repo, args, { seen }) =>
    issuesOf(
      'IssueConnection',
      [...seen(repo).issues.values()].filter((issue) => !isPull(issue)),
      repo,
      args,
    ),
  ref: (repo, args, { seen }) => {
    const asked = String(args['qualifiedName']);
    const { branches, tags } = seen(repo);
    if (asked.startsWith('refs/tags/')) return refNode(repo, asked, tags.get(asked.slice(10)));
    const name = asked.replace(/^refs\/heads\//, '');
    return refNode(repo, `refs/heads/${name}`, branches.get(name));
  },
  refs: (repo, args, { seen }) => {
    const prefix = String(args['refPrefix']);
    const { branches, tags } = seen(repo);
    const all = prefix.startsWith('refs/tags/') ? tags : branches;
    const start = prefix.replace(/^refs\/(?:heads|tags)\//, '');
    const items = [...all]
      .filter(([name]) => name.startsWith(start))
      .map(([name, sha]) => ({
        node: node('Ref', {
          repo,
          name: `${prefix.startsWith('refs/tags/') ? 'refs/tags/' : 'refs/heads/'}${name}`,
          sha,
        }),
        rank: 0,
        id: name,
      }));
    return connection('RefConnection', items, args);
  },
  object: async (repo, args, { seen, world }) => {
    const asked = String(args['oid'] ?? args['expression']);
    const { branches, tags } = seen(repo);
    const sha =
      branches.get(asked.replace(/^refs\/heads\//, '')) ?? tags.get(asked.replace(/^refs\/tags\//, '')) ?? asked;
    if (!/^[0-9a-f]{40}$/.test(sha)) return null;
    const isHere = repo.knownShas.has(sha) || (await world.git.hasCommit(repo.gitDir, sha));
    return isHere ? node('Commit', { repo, sha }) : null;
  },
});

/** Resolvers of a repository, its refs, commits and statuses. */
export const repositoryTypes = {
  Repository: repositoryFields,
  Ref: define<RefAt>({
    id: ({ repo, name }) => nodeId('Ref', `${repo.id}:${name}`),
    name: ({ name }) => name.replace(/^refs\/(?:heads|tags)\//, ''),
    prefix: ({ name }) => /^refs\/(?:heads|tags)\//.exec(name)?.[0] ?? 'refs/',
    target: ({ repo, sha }) => node('Commit', { repo, sha }),
  }),
  GitObject: define<CommitAt>(gitObject),
  Commit: define<CommitAt>({
    ...gitObject,
    message: async (at, _args, { world }) => (await commitOf(world, at)).message,
    messageHeadline: async (at, _args, { world }) => (await commitOf(world, at)).message.split('\n', 1)[0] ?? '',
    committedDate: async (at, _args, { world }) => (await commitOf(world, at)).committer.date,
    authoredDate: async (at, _args, { world }) => (await commitOf(world, at)).author.date,
    author: async (at, _args, { world }) => gitActor((await commitOf(world, at)).author),
    committer: async (at, _args, { world }) => gitActor((await commitOf(world, at)).committer),
    url: ({ repo, sha }, _args, { world }) => `${world.urls.web}/${fullName(repo)}/commit/${sha}`,
    // No statuses: null, not an empty one.
    status: ({ repo, sha }, _args, { seen }) =>
      (seen(repo).statuses.get(sha) ?? []).length === 0 ? null : node('Status', { repo, sha }),
  }),
  GitActor: define<GitPerson>({
    name: ({ name }) => name,
    email: ({ email }) => email,
    date: ({ date }) => date,
    user: ({ email }, _args, { world }) => {
      const login = /^(?:\d+\+)?(.+)@users\.noreply\.github\.com$/.exec(email)?.[1]?.toLowerCase() ?? '';
      return world.accounts.get(login)?.type === 'User' ? actorNode(world, login) : null;
    },
  }),
  Status: define<CommitAt>({
    id: ({ sha }) => nodeId('Status', sha),
    commit: (at) => node('Commit', at),
    state: ({ repo, sha }, _args, { seen }) =>
      combinedState(latestStatuses(seen(repo).statuses.get(sha) ?? [])).toUpperCase(),
    contexts: ({ repo, sha }, _args, { seen }) =>
      latestStatuses(seen(repo).statuses.get(sha) ?? []).map((status) => node('StatusContext', { repo, status })),
    context: ({ repo, sha }, args, { seen }) => {
      const found = latestStatuses(seen(repo).statuses.get(sha) ?? []).find(({ context }) => context === args['name']);
      return found === undefined ? null : node('StatusContext', { repo, status: found });
    },
  }),
  StatusContext: define<StatusAt>({
    id: ({ status }) => nodeId('StatusContext', status.id),
    context: ({ status }) => status.context,
    state: ({ status }) => status.state.toUpperCase(),
    description: ({ status }) => status.description,
    targetUrl: ({ status }) => status.targetUrl,
    createdAt: ({ status }) => iso(status.createdAt),
    creator: ({ status }, _args, { world }) => actorNode(world, status.creator),
    commit: ({ repo, status }) => node('Commit', { repo, sha: status.sha }),
  }),
};
