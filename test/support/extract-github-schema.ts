// Makes src/forge/github/fake/schema/rest.json from GitHub's published description:
//   npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//   node test/support/extract-github-schema.ts package/generated/api.github.com.json 23.0.2
// Run it again when the fake gets a route. Only what the fake answers and sends is kept, since the whole has 13 MB.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allRoutes } from '../../src/forge/github/fake/all-routes.ts';

type Node = Readonly<Record<string, unknown>>;

/** Events and actions that the fake sends, as the description names them. */
const webhooks = [
  'create',
  'delete',
  'installation-created',
  'installation-deleted',
  'installation-suspend',
  'installation-unsuspend',
  'installation-repositories-added',
  'installation-repositories-removed',
  'issue-comment-created',
  'issue-comment-deleted',
  'issue-comment-edited',
  'issues-closed',
  'issues-edited',
  'issues-labeled',
  'issues-locked',
  'issues-opened',
  'issues-reopened',
  'issues-unlabeled',
  'issues-unlocked',
  'ping',
  'pull-request-closed',
  'pull-request-converted-to-draft',
  'pull-request-edited',
  'pull-request-labeled',
  'pull-request-locked',
  'pull-request-opened',
  'pull-request-ready-for-review',
  'pull-request-reopened',
  'pull-request-synchronize',
  'pull-request-unlabeled',
  'pull-request-unlocked',
  'push',
  'repository-created',
  'repository-deleted',
  'status',
];

const words = new Set([
  'description',
  'example',
  'examples',
  'title',
  'externalDocs',
  'deprecated',
  'x-github-breaking-changes',
]);

const [, , from = '', version = ''] = process.argv;
const document = JSON.parse(readFileSync(from, 'utf8')) as Node;
const components = at(document, 'components');
const used = new Map<string, unknown>();

function at(node: unknown, ...path: readonly string[]): Node {
  let now = node;
  for (const key of path) now = (now as Node | undefined)?.[key];
  return (now ?? {}) as Node;
}

/** OpenAPI 3.0 to JSON Schema: without words, `nullable` as a type, references into `$defs`. */
function schema(node: unknown, isProperties = false): unknown {
  if (Array.isArray(node)) return node.map((one) => schema(one));
  if (typeof node !== 'object' || node === null) return node;
  const source = node as Node;
  const reference = source['$ref'];
  if (typeof reference === 'string') return { $ref: use(reference) };
  const made: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(source)) {
    // The list of installations is described with accounts that are a user and an enterprise at once; one installation
    // by itself is described with either.
    const key = given === 'allOf' && isUserOrEnterprise(value) ? 'anyOf' : given;
    if (!isProperties && (words.has(key) || key === 'nullable' || key === 'discriminator' || key === 'default'))
      continue;
    if (key === 'enum' || key === 'required') made[key] = value;
    else made[key] = schema(value, key === 'properties');
  }
  if (isProperties || source['nullable'] !== true) return made;
  if (
    typeof made['type'] === 'string' &&
    made['anyOf'] === undefined &&
    made['oneOf'] === undefined &&
    made['allOf'] === undefined
  ) {
    made['type'] = [made['type'], 'null'];
    if (Array.isArray(made['enum'])) made['enum'] = [...new Set<unknown>([...(made['enum'] as unknown[]), null])];
    return made;
  }
  return { anyOf: [made, { type: 'null' }] };
}

function isUserOrEnterprise(value: unknown): boolean {
  const titles = (value as readonly Node[]).map((one) => one['title']);
  return titles.includes('Simple User') && titles.includes('Enterprise');
}

function use(reference: string): string {
  const [, , kind = '', name = ''] = reference.split('/');
  if (kind !== 'schemas') return '#';
  const key = `#/$defs/${name}`;
  if (!used.has(name)) {
    used.set(name, {});
    used.set(name, schema(at(components, 'schemas', name)));
  }
  return key;
}

function resolved(node: Node): Node {
  const reference = node['$ref'];
  if (typeof reference !== 'string') return node;
  const [, , kind = '', name = ''] = reference.split('/');
  return at(components, kind, name);
}

function jsonSchema(node: Node): unknown {
  const content = at(resolved(node), 'content');
  const json = Object.keys(content).find((type) => type.startsWith('application/json'));
  return json === undefined ? null : schema(at(content, json)['schema']);
}

const operations: Record<string, unknown> = {};
for (const { method, template } of allRoutes) {
  const operation = at(document, 'paths', template, method.toLowerCase());
  if (operation['responses'] === undefined) throw new Error(`GitHub has no operation ${method} ${template}`);
  const responses = new Map<string, unknown>();
  for (const [status, response] of Object.entries(at(operation, 'responses'))) {
    responses.set(status, jsonSchema(response as Node));
  }
  const request = operation['requestBody'] === undefined ? null : jsonSchema(at(operation, 'requestBody'));
  operations[`${method} ${template}`] = { request, responses: Object.fromEntries(responses) };
}

const events: Record<string, unknown> = {};
for (const name of webhooks) {
  const body = at(document, 'x-webhooks', name, 'post', 'requestBody');
  if (body['content'] === undefined) throw new Error(`GitHub has no webhook ${name}`);
  events[name] = jsonSchema(body);
}

const bundle = {
  source: `@octokit/openapi ${version}, api.github.com.json (MIT)`,
  operations,
  webhooks: events,
  $defs: Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1))),
};
const path = join(import.meta.dirname, '../../src/forge/github/fake/schema/rest.json');
writeFileSync(path, `${JSON.stringify(bundle)}\n`);
