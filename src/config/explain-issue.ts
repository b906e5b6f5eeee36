import type { z } from 'zod';
import { formatPath, quote, type ConfigProblem } from './config-error.ts';
import { suggestion } from '../base/nearest.ts';
import type { YamlFile } from './read-yaml.ts';

type Issue = z.core.$ZodIssue;

/** Turns what the schema found into lines for people: where, which key, what was expected and what is there. */
export function explainIssues(
  issues: readonly Issue[],
  yaml: YamlFile,
  jsonSchema: Readonly<Record<string, unknown>>,
): readonly ConfigProblem[] {
  return issues.flatMap((issue) => explain(issue, yaml, jsonSchema)).sort(byPlace);
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

function explain(
  issue: Issue,
  yaml: YamlFile,
  jsonSchema: Readonly<Record<string, unknown>>,
): readonly ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(jsonSchema, issue.path);
    return issue.keys.map((key) => {
      const where = yaml.locateKey(issue.path, key) ?? yaml.locate(issue.path);
      return {
        file: yaml.file,
        line: where?.line ?? null,
        column: where?.column ?? null,
        path: formatPath([...issue.path, key]),
        message: `unknown key${near(key, known)}`,
      };
    });
  }
  const where = yaml.locate(issue.path);
  return [
    {
      file: yaml.file,
      line: where?.line ?? null,
      column: where?.column ?? null,
      path: formatPath(issue.path),
      message: sentence(issue, yaml),
    },
  ];
}

function near(key: string, known: readonly string[]): string {
  const found = suggestion(key, known);
  if (found !== '' || known.length === 0) return found;
  return `; known are ${[...known].sort().join(', ')}`;
}

function sentence(issue: Issue, yaml: YamlFile): string {
  const given = valueAt(yaml.value, issue.path);
  if (issue.code === 'invalid_type' && given === undefined) return 'is missing';
  if (issue.code === 'too_small' && issue.origin === 'array') return 'is empty';
  if (issue.code === 'too_small' && issue.origin !== 'string') return `must be at least ${String(issue.minimum)}`;
  if (issue.code === 'too_big' && issue.origin !== 'string' && issue.origin !== 'array') {
    return `must be at most ${String(issue.maximum)}`;
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'is not a possible key';
  if (issue.code === 'custom' && issue.params?.['typed'] !== undefined) {
    return issue.message + near(String(issue.params['typed']), (issue.params['known'] ?? []) as readonly string[]);
  }
  const message =
    issue.code === 'invalid_type' && !issue.message.startsWith('expected')
      ? `expected ${kind(issue.expected)}`
      : issue.message;
  return message.startsWith('expected') ? `${message}, found ${found(given)}` : message;
}

function kind(expected: string): string {
  if (expected === 'int') return 'a whole number';
  if (expected === 'string') return 'text';
  if (expected === 'boolean') return 'true or false';
  if (expected === 'object' || expected === 'record') return 'a mapping';
  if (expected === 'array') return 'a list';
  return `a ${expected}`;
}

function found(given: unknown): string {
  if (given === undefined || given === null) return 'nothing';
  if (Array.isArray(given)) return 'a list';
  if (typeof given === 'object') return 'a mapping';
  if (typeof given === 'string') return `the text ${quote(given)}`;
  if (typeof given === 'number') return `the number ${String(given)}`;
  return JSON.stringify(given);
}

/** The value at a path of plain data; undefined when the path leads nowhere. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}

function knownKeys(jsonSchema: Readonly<Record<string, unknown>>, path: readonly PropertyKey[]): readonly string[] {
  let here: unknown = jsonSchema;
  for (const part of path) {
    const next =
      typeof part === 'number'
        ? valueAt(here, ['items'])
        : (valueAt(here, ['properties', part]) ?? valueAt(here, ['additionalProperties']));
    here = filled(next);
  }
  return Object.keys(valueAt(here, ['properties']) ?? {});
}

/** What may be null as well: the mapping that it is else. */
function filled(schema: unknown): unknown {
  const either = valueAt(schema, ['anyOf']);
  if (!Array.isArray(either)) return schema ?? {};
  return either.find((one) => valueAt(one, ['properties']) !== undefined) ?? {};
}
