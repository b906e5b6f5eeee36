import type { RunGraphql } from './api-server.ts';
import { checkQuery, valueOf } from './graphql-check.ts';
import { GraphqlError } from './graphql-error.ts';
import { execute } from './graphql-execute.ts';
import { type Operation, parseQuery, type QueryDocument, QuerySyntaxError } from './graphql-parse.ts';
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
    const run = { document: parsed.document, variables, context, errors };
    const data = await execute(run, parsed.operation.selections);
    return { body: { data, ...(errors.length === 0 ? {} : { errors }) }, cost: weight.cost };
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
