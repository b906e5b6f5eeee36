import { changedFiles, type Pull } from './json-pull.ts';
import type { FileDiff } from './git-store.ts';
import { connection } from './graphql-connection.ts';
import { define, type GraphqlContext, type GraphqlNode, node } from './graphql-node.ts';
import { actorNode } from './graphql-people.ts';
import { issueFields, type IssueAt } from './graphql-talk.ts';
import { fullName, type Repository } from './records.ts';
import { iso, nodeId } from './world.ts';

type PullAt = IssueAt<Pull>;

// https://docs.github.com/en/graphql/reference/objects#pullrequestcommit: a pull request lists at most 250 commits.
const mostCommits = 250;

function headRepo({ issue }: PullAt, { world }: GraphqlContext): Repository | null {
  return world.repos.get(issue.pull.head.repo.toLowerCase()) ?? null;
}

async function commits(
  at: PullAt,
  args: Readonly<Record<string, unknown>>,
  { world }: GraphqlContext,
): Promise<GraphqlNode> {
  const { repo, issue } = at;
  const { head, base } = issue.pull;
  const item = (sha: string, rank: number): { node: GraphqlNode; rank: number; id: string } => ({
    node: node('PullRequestCommit', { repo, sha }),
    rank,
    id: sha,
  });
  const log = (): ReturnType<typeof world.git.log> => world.git.log(repo.gitDir, head.sha, base.sha, mostCommits);
  // The newest alone is known without asking git: hundreds of pull requests are listed with it.
  if (args['last'] === 1 && args['before'] === undefined) {
    const total = async (): Promise<number> => (await log()).length;
    return connection('PullRequestCommitConnection', [item(head.sha, mostCommits)], args, { total });
  }
  const items = (await log()).toReversed().map(({ sha }, rank) => item(sha, rank));
  return connection('PullRequestCommitConnection', items, args);
}

/** Resolvers of pull requests. */
export const pullTypes = {
  PullRequest: define<PullAt>({
    ...issueFields,
    state: ({ issue }) => (issue.pull.mergedAt === null ? issue.state.toUpperCase() : 'MERGED'),
    isDraft: ({ issue }) => issue.pull.isDraft,
    merged: ({ issue }) => issue.pull.mergedAt !== null,
    mergedAt: ({ issue }) => (issue.pull.mergedAt === null ? null : iso(issue.pull.mergedAt)),
    headRefOid: ({ issue }) => issue.pull.head.sha,
    headRefName: ({ issue }) => issue.pull.head.ref,
    headRepository: (at, _args, context) => {
      const repo = headRepo(at, context);
      return repo === null ? null : node('Repository', repo);
    },
    headRepositoryOwner: (at, _args, context) => {
      const repo = headRepo(at, context);
      return repo === null ? null : actorNode(context.world, repo.owner.login);
    },
    baseRefName: ({ issue }) => issue.pull.base.ref,
    baseRefOid: ({ issue }) => issue.pull.base.sha,
    isCrossRepository: ({ repo, issue }) => issue.pull.head.repo !== fullName(repo),
    commits,
    changedFiles: async ({ repo, issue }, _args, { world }) =>
      (await changedFiles(world, repo, issue.pull.base.sha, issue.pull.head.sha)).length,
    files: async ({ repo, issue }, args, { world }) => {
      const files = await changedFiles(world, repo, issue.pull.base.sha, issue.pull.head.sha);
      const items = files.map((file, rank) => ({ node: node('PullRequestChangedFile', file), rank, id: file.path }));
      return connection('PullRequestChangedFileConnection', items, args);
    },
  }),
  PullRequestCommit: define<{ repo: Repository; sha: string }>({
    id: ({ sha }) => nodeId('PullRequestCommit', sha),
    commit: (at) => node('Commit', at),
  }),
  PullRequestChangedFile: define<FileDiff>({
    path: ({ path }) => path,
    additions: ({ additions }) => additions,
    deletions: ({ deletions }) => deletions,
    changeType: ({ status }) =>
      ({ added: 'ADDED', removed: 'DELETED', modified: 'MODIFIED', renamed: 'RENAMED' })[status],
  }),
};
