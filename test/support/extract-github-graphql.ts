// Makes src/forge/github/fake/schema/graphql.json from GitHub's published schema:
//   npm pack @octokit/graphql-schema@15.26.1 && tar xzf octokit-graphql-schema-15.26.1.tgz
//   node test/support/extract-github-graphql.ts package/schema.json 15.26.1
// Run it again when the fake gets a resolver. Only what it resolves is kept, since the whole has 5 MB.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolvers } from '../../src/forge/github/fake/graphql-resolvers.ts';

interface TypeRef {
  readonly kind: string;
  readonly name: string | null;
  readonly ofType: TypeRef | null;
}
interface InputValue {
  readonly name: string;
  readonly type: TypeRef;
}
interface FullType {
  readonly kind: string;
  readonly name: string;
  readonly fields:
    readonly { readonly name: string; readonly args: readonly InputValue[]; readonly type: TypeRef }[] | null;
  readonly inputFields: readonly InputValue[] | null;
  readonly enumValues: readonly { readonly name: string }[] | null;
  readonly possibleTypes: readonly { readonly name: string }[] | null;
}

const [, , from = '', version = ''] = process.argv;
const document = JSON.parse(readFileSync(from, 'utf8')) as { __schema: { types: readonly FullType[] } };
const types = new Map(document.__schema.types.map((type) => [type.name, type]));

function written(type: TypeRef): string {
  if (type.kind === 'NON_NULL') return `${type.ofType === null ? '' : written(type.ofType)}!`;
  if (type.kind === 'LIST') return `[${type.ofType === null ? '' : written(type.ofType)}]`;
  return type.name ?? '';
}

const objects: Record<string, Record<string, { type: string; args: Record<string, string> }>> = {};
const possible: Record<string, readonly string[]> = {};
const enums: Record<string, readonly string[]> = {};
const inputs: Record<string, Record<string, string>> = {};

function note(type: string): void {
  const name = type.replace(/[[\]!]/g, '');
  const full = types.get(name);
  if (full === undefined) throw new Error(`GitHub has no type ${name}`);
  if (full.enumValues !== null) enums[name] = full.enumValues.map((value) => value.name);
  if (full.possibleTypes !== null) {
    possible[name] = full.possibleTypes.map((one) => one.name).filter((one) => resolvers[one] !== undefined);
  }
  if (full.inputFields === null || inputs[name] !== undefined) return;
  const fields: Record<string, string> = (inputs[name] = {});
  for (const field of full.inputFields) {
    fields[field.name] = written(field.type);
    note(written(field.type));
  }
}

for (const [name, fields] of Object.entries(resolvers)) {
  const full = types.get(name);
  if (full === undefined) throw new Error(`GitHub has no type ${name}`);
  note(name);
  const kept: (typeof objects)[string] = (objects[name] = {});
  for (const field of Object.keys(fields)) {
    const published = full.fields?.find((one) => one.name === field);
    if (published === undefined) throw new Error(`GitHub has no field ${name}.${field}`);
    kept[field] = {
      type: written(published.type),
      args: Object.fromEntries(published.args.map((arg) => [arg.name, written(arg.type)])),
    };
    note(written(published.type));
    for (const arg of published.args) note(written(arg.type));
  }
}

const bundle = { source: `@octokit/graphql-schema ${version}, schema.json (MIT)`, objects, possible, enums, inputs };
writeFileSync(
  join(import.meta.dirname, '../../src/forge/github/fake/schema/graphql.json'),
  `${JSON.stringify(bundle)}\n`,
);
