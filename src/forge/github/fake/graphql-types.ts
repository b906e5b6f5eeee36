import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A field of a type: its type as GraphQL writes it (`[StatusContext!]!`), and its arguments' types. */
export interface FieldType {
  readonly type: string;
  readonly args: Readonly<Record<string, string>>;
}

/** GitHub's published schema, as far as the fake speaks it. */
export interface GraphqlTypes {
  readonly source: string;
  readonly objects: Readonly<Record<string, Readonly<Record<string, FieldType>>>>;
  /** Interface or union to the objects that it may be. */
  readonly possible: Readonly<Record<string, readonly string[]>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  /** Input object to its fields' types. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Made by test/support/extract-github-graphql.ts. */
export const graphqlTypes = JSON.parse(
  readFileSync(join(import.meta.dirname, 'schema/graphql.json'), 'utf8'),
) as GraphqlTypes;

/** `[StatusContext!]!` → `StatusContext`. */
export function bareType(type: string): string {
  return type.replace(/[[\]!]/g, '');
}

/** The field of an object or interface, or null. */
export function fieldOf(type: string, name: string): FieldType | null {
  if (name === '__typename') return { type: 'String!', args: {} };
  const fields = graphqlTypes.objects[type];
  return fields !== undefined && Object.hasOwn(fields, name) ? (fields[name] ?? null) : null;
}

/** True for a type with fields. */
export function isComposite(type: string): boolean {
  return graphqlTypes.objects[type] !== undefined || graphqlTypes.possible[type] !== undefined;
}

/** True when an object of the type `is` may be met where `asked` is asked for. */
export function canBe(is: string, asked: string): boolean {
  return is === asked || (graphqlTypes.possible[asked]?.includes(is) ?? false);
}
