import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { Exchange } from '../../src/forge/github/fake/api-server.ts';
import type { FakeGitHubOptions } from '../../src/forge/github/fake/fake-github.ts';

interface Bundle {
  readonly operations: Readonly<
    Record<string, { readonly request: object | null; readonly responses: Readonly<Record<string, object | null>> }>
  >;
  readonly webhooks: Readonly<Record<string, object | null>>;
  readonly $defs: Readonly<Record<string, object>>;
}

/** What says whether a request, an answer or a webhook is as GitHub describes it; each gives what is wrong. */
export type GitHubInspector = Required<Pick<FakeGitHubOptions, 'inspectExchange' | 'inspectPayload'>>;

let made: GitHubInspector | null = null;

/**
 * Checks against GitHub's published OpenAPI description, of which `src/forge/github/fake/schema/rest.json` is the part
 * that the fake speaks. Compiled once a process, each schema when it is first met.
 */
export function githubInspector(): GitHubInspector {
  made ??= create();
  return made;
}

function create(): GitHubInspector {
  const path = join(import.meta.dirname, '../../src/forge/github/fake/schema/rest.json');
  const bundle = JSON.parse(readFileSync(path, 'utf8')) as Bundle;
  const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'github', $defs: bundle.$defs });
  const compiled = new Map<object, ValidateFunction>();
  const check = (schema: object, value: unknown, what: string): readonly string[] => {
    const validate = compiled.get(schema) ?? ajv.compile(pointed(schema));
    compiled.set(schema, validate);
    // As it goes over the wire: what is undefined is not there.
    if (validate(value === undefined ? undefined : JSON.parse(JSON.stringify(value)))) return [];
    return [`${what}: ${ajv.errorsText(validate.errors, { dataVar: '' }).slice(0, 500)}`];
  };
  return {
    inspectExchange(exchange: Exchange) {
      const name = `${exchange.method} ${exchange.template}`;
      const operation = bundle.operations[name];
      if (operation === undefined) return [`${name} is not in the description; run extract-github-schema.ts`];
      const isRefused = exchange.status >= 400;
      const found = operation.responses[String(exchange.status)];
      const what = `${name} answers ${exchange.status}`;
      const wrong: string[] = [];
      // What GitHub refuses at the door (limits, a bad token, trouble) is described for no operation.
      if (found === undefined) {
        if (!isRefused) wrong.push(`${what}, which is not described`);
      } else if (found !== null && exchange.responseBody !== null && typeof exchange.responseBody === 'object') {
        wrong.push(...check(found, exchange.responseBody, what));
      }
      if (!isRefused && operation.request !== null)
        wrong.push(...check(operation.request, exchange.requestBody, `${name} asked`));
      return wrong;
    },
    inspectPayload(event, action, payload) {
      const name = [event, action]
        .filter((word) => word !== null)
        .join('-')
        .replaceAll('_', '-');
      const schema = bundle.webhooks[name];
      if (schema === undefined) return [`the webhook ${name} is not in the description; run extract-github-schema.ts`];
      return schema === null ? [] : check(schema, payload, `the webhook ${name}`);
    },
  };
}

/** The same schema with its references into the whole. */
function pointed(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"github#/$defs/')) as object;
}
