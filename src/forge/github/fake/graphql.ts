import type { RunGraphql } from './api-server.ts';
import { checkQuery, fits, valueOf } from './graphql-check.ts';
import { GraphqlError } from './graphql-error.ts';
import type { GraphqlContext, GraphqlNode } from './graphql-node.ts';
import { type Operation, parseQuery, type QueryDocument, QuerySyntaxError, type Selection } from './graphql-parse.ts';
import { resolvers } from './graphql-resolvers.ts';
import { bareType, canBe, fieldOf } from './graphql-types.ts';
import type { Json } from './json.ts';
import type { Limits } from './limits.ts';
import { refuse } from './refusal.ts';

/**
 * Answers GraphQL queries about what the fake speaks: https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
 * Whatever is wrong with a query comes with status 200 and `errors`, as from GitHub.
 */
export function runGraphql(limits: Limits): RunGraphql {
  return async (call, seen) => {
    if (call.actor.kind === 'anonymous' || call.actor.kind === 'app') {
      throw refuse(401, 'This endpoint requires you to be authenticated.');
    }
    const { query, operationName } = call.body;
    if (typeof query !== 'string') {
      return { body: { errors: [{ message: 'A query attribute must be specified and must be a string.' }] }, cost: 1 };
    }
    const given = call.body['variables'];
    const asked = typeof given === 'object' && given !== null ? (given as Json) : {};
    const parsed = read(query, typeof operationName === 'string' ? operationName : null);
    if (parsed instanceof GraphqlError) return failed([parsed]);
    const variables = withPresets(parsed.operation, asked);
    const weight = checkQuery(parsed.document, parsed.operation, variables);
    if (!('cost' in weight)) return failed(weight);
    const errors: Json[] = [];
    const context = { ...call, limits, seen, ...weight };
    const run: Run = { document: parsed.document, variables, context, errors };
    const data = await objectOf(run, { typeName: 'Query', value: null }, [parsed.operation.selections], []);
    return {
      body: { data: data === failure ? null : data, ...(errors.length === 0 ? {} : { errors }) },
      cost: weight.cost,
    };
  };
}

function failed(errors: readonly GraphqlError[]): { body: Json; cost: number } {
  return { body: { errors: errors.map((error) => error.shown()) }, cost: 1 };
}

function read(query: string, name: string | null): { document: QueryDocument; operation: Operation } | GraphqlError {
  let document: QueryDocument;
  try {
    document = parseQuery(query);
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    return new GraphqlError(error.message, null, { locations: [error.place] });
  }
  const operation = document.operations.find((one) => name === null || one.name === name);
  if (operation === undefined) return new GraphqlError(name === null ? 'No operation' : `No operation named "${name}"`);
  if (name === null && document.operations.length > 1) {
    return new GraphqlError('An operation name is required');
  }
  if (operation.kind !== 'query') return new GraphqlError(`The fake GitHub knows no ${operation.kind}`);
  return { document, operation };
}

function withPresets(operation: Operation, given: Json): Json {
  const variables: Record<string, unknown> = { ...given };
  for (const [name, { preset }] of Object.entries(operation.variables)) {
    if (variables[name] === undefined && preset !== null) variables[name] = valueOf(preset, {});
  }
  return variables;
}

interface Run {
  readonly document: QueryDocument;
  readonly variables: Json;
  readonly context: GraphqlContext;
  readonly errors: Json[];
}

type FieldSelection = Extract<Selection, { readonly kind: 'field' }>;
type Path = readonly (string | number)[];

// Something that must not be null is: whatever holds it becomes null.
const failure = Symbol('failure');

/** One object of the answer, its fields in the order asked. */
async function objectOf(
  run: Run,
  node: GraphqlNode,
  sets: readonly (readonly Selection[])[],
  path: Path,
): Promise<Json | typeof failure> {
  const fields = new Map<string, FieldSelection[]>();
  for (const selections of sets) collect(run, node.typeName, selections, fields);
  const made: Record<string, unknown> = {};
  const values = await Promise.all(
    [...fields].map(async ([key, same]) => [key, await fieldValue(run, node, same, [...path, key])] as const),
  );
  for (const [key, value] of values) {
    if (value === failure) return failure;
    made[key] = value;
  }
  return made;
}

/** Fields of the same key belong together, wherever they stand. */
function collect(
  run: Run,
  typeName: string,
  selections: readonly Selection[],
  into: Map<string, FieldSelection[]>,
): void {
  for (const selection of selections) {
    if (!isWanted(run, selection)) continue;
    if (selection.kind === 'field') {
      into.set(selection.key, [...(into.get(selection.key) ?? []), selection]);
      continue;
    }
    const fragment = selection.kind === 'spread' ? run.document.fragments.get(selection.name) : selection;
    if (fragment === undefined) continue;
    if (fragment.on === null || canBe(typeName, fragment.on)) collect(run, typeName, fragment.selections, into);
  }
}

function isWanted(run: Run, { directives }: Selection): boolean {
  return directives.every(({ name, args }) => {
    const value = args['if'] === undefined ? true : valueOf(args['if'], run.variables);
    return name === 'skip' ? value !== true : name !== 'include' || value === true;
  });
}

async function fieldValue(run: Run, node: GraphqlNode, same: readonly FieldSelection[], path: Path): Promise<unknown> {
  const [field] = same;
  if (field === undefined) return null;
  if (field.name === '__typename') return node.typeName;
  const type = fieldOf(node.typeName, field.name);
  const resolve = resolvers[node.typeName]?.[field.name];
  if (type === null || resolve === undefined) throw new Error(`the fake has no ${node.typeName}.${field.name}`);
  try {
    const args: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(field.args)) {
      args[name] = valueOf(value, run.variables);
      if (!fits(args[name], type.args[name] ?? '')) {
        throw new GraphqlError(`Argument '${name}' on Field '${field.name}' has an invalid value.`);
      }
    }
    const value = await resolve(node.value, args, run.context);
    const inner = same.flatMap(({ selections }) => (selections === null ? [] : [selections]));
    return await shaped(run, value, type.type, { inner, path });
  } catch (error) {
    if (!(error instanceof GraphqlError)) throw error;
    run.errors.push(error.shown(path));
    return type.type.endsWith('!') ? failure : null;
  }
}

/** A value as its type says: null only where it may be, lists where lists are. */
async function shaped(
  run: Run,
  value: unknown,
  type: string,
  at: { readonly inner: readonly (readonly Selection[])[]; readonly path: Path },
): Promise<unknown> {
  if (!type.endsWith('!')) {
    const made = await bareValue(run, value, type, at);
    return made === failure ? null : made;
  }
  const made = await bareValue(run, value, type.slice(0, -1), at);
  if (made === null) throw new Error(`the fake gives null at ${at.path.join('.')}, which is ${type}`);
  return made;
}

async function bareValue(run: Run, value: unknown, type: string, at: Parameters<typeof shaped>[3]): Promise<unknown> {
  if (value === null || value === undefined) return null;
  if (type.startsWith('[')) {
    if (!Array.isArray(value)) throw new Error(`the fake gives no list at ${at.path.join('.')}`);
    const items = await Promise.all(
      value.map((one: unknown, index) => shaped(run, one, type.slice(1, -1), { ...at, path: [...at.path, index] })),
    );
    return items.includes(failure) ? failure : items;
  }
  if (at.inner.length > 0) {
    const inner = value as GraphqlNode;
    if (!canBe(inner.typeName, bareType(type))) throw new Error(`the fake gives a ${inner.typeName} for a ${type}`);
    return objectOf(run, inner, at.inner, at.path);
  }
  // Scalars whose type is GitHub's own (DateTime, URI, BigInt) go out as texts.
  if (!fits(value, type))
    throw new Error(`the fake gives ${JSON.stringify(value)} at ${at.path.join('.')}, which is ${type}`);
  return value;
}
