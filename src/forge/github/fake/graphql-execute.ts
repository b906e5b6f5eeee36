import { fits, valueOf } from './graphql-check.ts';
import { GraphqlError } from './graphql-error.ts';
import type { GraphqlContext, GraphqlNode } from './graphql-node.ts';
import type { QueryDocument, Selection } from './graphql-parse.ts';
import { resolvers } from './graphql-resolvers.ts';
import { bareType, canBe, type FieldType, fieldOf } from './graphql-types.ts';
import type { Json } from './json.ts';

/** A query that was checked. What goes wrong while it runs is added to `errors`. */
export interface Run {
  readonly document: QueryDocument;
  readonly variables: Json;
  readonly context: GraphqlContext;
  readonly errors: Json[];
}

type FieldSelection = Extract<Selection, { readonly kind: 'field' }>;
type Path = readonly (string | number)[];
type Sets = readonly (readonly Selection[])[];

// Something that must not be null is: whatever holds it becomes null.
const failure = Symbol('failure');

/** The data of a query; null when something failed that nothing above may be null for. */
export async function execute(run: Run, selections: readonly Selection[]): Promise<Json | null> {
  const data = await objectOf(run, { typeName: 'Query', value: null }, [selections], []);
  return data === failure ? null : (data as Json);
}

// A query may ask for tens of thousands of fields. Most are there at once, and a promise for each would take the longest
// of all: so a value goes on at once when it is there, and later when it comes later.
function after<T>(value: unknown, go: (value: unknown) => T): T | Promise<T> {
  return value instanceof Promise ? value.then(go) : go(value);
}

function all(values: readonly unknown[]): unknown {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : values;
}

/** One object of the answer, its fields in the order asked. */
function objectOf(run: Run, node: GraphqlNode, sets: Sets, path: Path): unknown {
  const fields = fieldsOf(run, node.typeName, sets);
  const values = all(fields.map((field) => fieldValue(run, node, field, path)));
  return after(values, (made) => {
    const given = made as readonly unknown[];
    if (given.includes(failure)) return failure;
    return Object.fromEntries(fields.map(({ key }, index) => [key, given[index]]));
  });
}

/** A field to give: all selections of one key belong together, wherever they stand. */
interface Wanted {
  readonly key: string;
  readonly field: FieldSelection;
  readonly type: FieldType;
  readonly args: Json;
  readonly inner: Sets;
  readonly resolve: (value: unknown, args: Json, context: GraphqlContext) => unknown;
}

const wanted = new WeakMap<Run, Map<string, WeakMap<object, readonly Wanted[]>>>();

/** The same for every object of a list, so it is worked out once. */
function fieldsOf(run: Run, typeName: string, sets: Sets): readonly Wanted[] {
  const ofRun = wanted.get(run) ?? new Map<string, WeakMap<object, readonly Wanted[]>>();
  wanted.set(run, ofRun);
  const ofType = ofRun.get(typeName) ?? new WeakMap<object, readonly Wanted[]>();
  ofRun.set(typeName, ofType);
  const known = ofType.get(sets);
  if (known !== undefined) return known;
  const byKey = new Map<string, FieldSelection[]>();
  for (const selections of sets) collect(run, typeName, selections, byKey);
  const made = [...byKey].flatMap(([key, same]) => {
    const [field] = same;
    return field === undefined ? [] : [wantedField(run, typeName, key, { field, same })];
  });
  ofType.set(sets, made);
  return made;
}

function wantedField(
  run: Run,
  typeName: string,
  key: string,
  { field, same }: { readonly field: FieldSelection; readonly same: readonly FieldSelection[] },
): Wanted {
  const type = fieldOf(typeName, field.name);
  const resolve = field.name === '__typename' ? () => typeName : resolvers[typeName]?.[field.name];
  if (type === null || resolve === undefined) throw new Error(`the fake has no ${typeName}.${field.name}`);
  const args = Object.fromEntries(
    Object.entries(field.args).map(([name, value]) => [name, valueOf(value, run.variables)]),
  );
  const wrong = Object.keys(args).find((name) => !fits(args[name], type.args[name] ?? ''));
  const inner = same.flatMap(({ selections }) => (selections === null ? [] : [selections]));
  if (wrong === undefined) return { key, field, type, args, inner, resolve };
  const refuse = (): never => {
    throw new GraphqlError(`Argument '${wrong}' on Field '${field.name}' has an invalid value.`);
  };
  return { key, field, type, args, inner, resolve: refuse };
}

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

function fieldValue(run: Run, node: GraphqlNode, field: Wanted, path: Path): unknown {
  const here = [...path, field.key];
  const failed = (error: unknown): unknown => {
    if (!(error instanceof GraphqlError)) throw error;
    run.errors.push(error.shown(here));
    return field.type.type.endsWith('!') ? failure : null;
  };
  try {
    const value = field.resolve(node.value, field.args, run.context);
    const made = after(value, (given) => shaped(run, given, field.type.type, { inner: field.inner, path: here }));
    return made instanceof Promise ? made.catch(failed) : made;
  } catch (error) {
    return failed(error);
  }
}

interface At {
  readonly inner: Sets;
  readonly path: Path;
}

/** A value as its type says: null only where it may be, lists where lists are. */
function shaped(run: Run, value: unknown, type: string, at: At): unknown {
  if (!type.endsWith('!')) {
    return after(bareValue(run, value, type, at), (made) => (made === failure ? null : made));
  }
  return after(bareValue(run, value, type.slice(0, -1), at), (made) => {
    if (made === null) throw new Error(`the fake gives null at ${at.path.join('.')}, which is ${type}`);
    return made;
  });
}

function bareValue(run: Run, value: unknown, type: string, at: At): unknown {
  if (value === null || value === undefined) return null;
  if (type.startsWith('[')) {
    if (!Array.isArray(value)) throw new Error(`the fake gives no list at ${at.path.join('.')}`);
    const inner = type.slice(1, -1);
    const items = value.map((one: unknown, index) => shaped(run, one, inner, { ...at, path: [...at.path, index] }));
    return after(all(items), (made) => ((made as readonly unknown[]).includes(failure) ? failure : made));
  }
  if (at.inner.length > 0) {
    const inner = value as GraphqlNode;
    if (!canBe(inner.typeName, bareType(type))) throw new Error(`the fake gives a ${inner.typeName} for a ${type}`);
    return objectOf(run, inner, at.inner, at.path);
  }
  // Scalars whose type is GitHub's own (DateTime, URI, BigInt) go out as texts.
  if (fits(value, type)) return value;
  throw new Error(`the fake gives ${JSON.stringify(value)} at ${at.path.join('.')}, which is ${type}`);
}
