import { connectionTypes, pageInfo } from './graphql-connection.ts';
import { define, type GraphqlContext, node, type Resolver } from './graphql-node.ts';
import { actorFields, actorNode } from './graphql-people.ts';
import { commentTypes } from './graphql-talk.ts';
import { pullTypes } from './graphql-pull.ts';
import { repositoryTypes, visibleRepo } from './graphql-repository.ts';
import { GraphqlError } from './graphql-error.ts';
import { iso } from './world.ts';

const query = define<null>({
  viewer: (_value, _args, { actor, world }) => {
    if (actor.kind === 'user') return actorNode(world, actor.account.login);
    // An App reads itself as a user with its full name.
    if (actor.kind === 'installation') return node('User', actor.account);
    throw new GraphqlError('This endpoint requires you to be authenticated.', 'FORBIDDEN');
  },
  repository: (_value, args, context) => {
    const name = `${String(args['owner'])}/${String(args['name'])}`;
    const repo = visibleRepo(context, name);
    if (repo === null) {
      throw new GraphqlError(`Could not resolve to a Repository with the name '${name}'.`, 'NOT_FOUND');
    }
    return node('Repository', repo);
  },
  rateLimit: () => node('RateLimit', null),
});

const rateLimit = define<null>({
  cost: (_value, _args, { cost }) => cost,
  limit: (_value, _args, context) => quota(context).limit,
  nodeCount: (_value, _args, { nodeCount }) => nodeCount,
  remaining: (_value, _args, context) => quota(context).remaining,
  resetAt: (_value, _args, context) => iso(quota(context).resetAt + 999),
  used: (_value, _args, context) => quota(context).used,
});

/** After this query is paid for. */
function quota({ actor, cost, limits }: GraphqlContext): {
  limit: number;
  used: number;
  remaining: number;
  resetAt: number;
} {
  const { limit, used, remaining, resetAt } = limits.quota(actor.key, 'graphql');
  return { limit, used: used + cost, remaining: Math.max(0, remaining - cost), resetAt };
}

/** Every type and field that the fake speaks; `schema/graphql.json` has their types from GitHub's published schema. */
export const resolvers: Readonly<Record<string, Readonly<Record<string, Resolver>>>> = {
  Query: query,
  RateLimit: rateLimit,
  PageInfo: pageInfo,
  ...actorFields,
  ...repositoryTypes,
  ...pullTypes,
  ...commentTypes,
  ...connectionTypes('PullRequest'),
  ...connectionTypes('PullRequestCommit'),
  ...connectionTypes('PullRequestChangedFile'),
  ...connectionTypes('Issue'),
  ...connectionTypes('IssueComment'),
  ...connectionTypes('Label'),
  ...connectionTypes('Ref'),
};
