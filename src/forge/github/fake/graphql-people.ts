import { avatarUrl, webUrlOf } from './json-account.ts';
import { define, type GraphqlNode, node } from './graphql-node.ts';
import type { Account } from './records.ts';
import { accountOf, nodeId, type World } from './world.ts';

/** Somebody as an `Actor`: a user, an organisation, or a bot. */
export function actorNode(world: World, login: string): GraphqlNode {
  const account = accountOf(world, login);
  return node(account.type, account);
}

// The login of a bot has no `[bot]` here, unlike in REST.
const actor = {
  login: ({ login, type }: Account) => (type === 'Bot' ? login.replace(/\[bot\]$/, '') : login),
  url: (account: Account, _args: unknown, { world }: { world: World }) => webUrlOf(world, account),
  avatarUrl: (account: Account, _args: unknown, { world }: { world: World }) => avatarUrl(world, account),
};
const own = {
  ...actor,
  id: ({ id, type }: Account) => nodeId(type, id),
  databaseId: ({ id }: Account) => id,
};

/** Resolvers of people. */
export const actorFields = {
  Actor: define<Account>(actor),
  RepositoryOwner: define<Account>({ login: actor.login, url: actor.url, id: own.id }),
  // An App that looks at itself as `viewer` is a user with its full login.
  User: define<Account>({ ...own, login: ({ login }) => login, name: ({ login }) => login }),
  Bot: define<Account>(own),
  Organization: define<Account>({ ...own, name: ({ login }) => login }),
};
