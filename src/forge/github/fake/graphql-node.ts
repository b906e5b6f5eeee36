import type { Actor } from './call.ts';
import type { Limits } from './limits.ts';
import type { Repository, RepoState } from './records.ts';
import type { World } from './world.ts';

/** What every resolver may look at. */
export interface GraphqlContext {
  readonly world: World;
  readonly limits: Limits;
  readonly actor: Actor;
  /** A repository as this replica shows it. */
  readonly seen: (repo: Repository) => RepoState;
  readonly cost: number;
  readonly nodeCount: number;
}

/** An object in an answer: its type's name, and what its resolvers work on. */
export interface GraphqlNode {
  readonly typeName: string;
  readonly value: unknown;
}

export type Args = Readonly<Record<string, unknown>>;

/** Gives a field: a scalar, a node, a list of them, null, or a promise of that. */
export type Resolver = (value: unknown, args: Args, context: GraphqlContext) => unknown;

/** The resolvers of a type, typed by what they work on. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it types what its fields are called with
export function define<T>(
  fields: Readonly<Record<string, (value: T, args: Args, context: GraphqlContext) => unknown>>,
): Readonly<Record<string, Resolver>> {
  // Nodes of a type are made with its value alone: `node` is called for it in one place each.
  return fields as Readonly<Record<string, Resolver>>;
}

/** An object of this type. */
export function node(typeName: string, value: unknown): GraphqlNode {
  return { typeName, value };
}
