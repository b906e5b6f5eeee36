import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { ConfigError, type ConfigProblem } from './config-error.ts';

const require = createRequire(import.meta.url);

/** Most starts find no file to read; the parser's seventy modules would make each of them wait. */
const yaml = (): typeof Yaml => require('yaml') as typeof Yaml;

/** A larger file is no configuration but a mistake. */
const maxFileBytes = 1024 * 1024;

/** Where in a file something stands, from 1. */
export interface Location {
  readonly line: number;
  readonly column: number;
}

/** A parsed file: plain values, and where each of them stands. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** The place of a value's key, or of the nearest thing around it that is written in the file. */
  locate(path: readonly PropertyKey[]): Location | null;
  /** The place of one key of the mapping at `path`; null when it is not written there. */
  locateKey(path: readonly PropertyKey[], key: string): Location | null;
}

/**
 * Reads text of at most 1 MiB from a regular file.
 * @throws ConfigError `config/unreadable` when it is missing, too large, no plain file or no UTF-8.
 */
export function readTextFile(file: string): string {
  const refuse = (message: string): never => {
    throw new ConfigError('config/unreadable', [{ file, line: null, column: null, path: '', message }]);
  };
  let handle: number;
  try {
    // Non-blocking: a FIFO must be refused, not waited for.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') return refuse('there is no such file');
    if (code === 'EACCES') return refuse('cannot be read; check its permissions');
    return refuse(`cannot be opened (${String(code)})`);
  }
  try {
    if (!fstatSync(handle).isFile()) return refuse('is not a regular file');
    const bytes = Buffer.alloc(maxFileBytes + 1);
    let size = 0;
    for (;;) {
      const got = readSync(handle, bytes, size, bytes.length - size, null);
      size += got;
      if (got === 0 || size === bytes.length) break;
    }
    if (size > maxFileBytes) return refuse('is larger than 1 MiB, which no configuration is');
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, size));
    } catch {
      return refuse('is not UTF-8 text');
    }
  } finally {
    closeSync(handle);
  }
}

/**
 * Parses one YAML 1.2 document (JSON is YAML). Duplicate keys, unknown tags, more than 100 aliases and several documents are
 * refused.
 * @throws ConfigError `config/unreadable` with the line of every mistake.
 */
export function parseYaml(text: string, file: string): YamlFile {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const refuse = (message: string, where: Location | null): ConfigError =>
    new ConfigError('config/unreadable', [
      { file, line: where?.line ?? null, column: where?.column ?? null, path: '', message },
    ]);
  let document: Yaml.Document.Parsed;
  let value: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, version: '1.2' });
  } catch (error) {
    throw refuse(error instanceof RangeError ? 'is nested too deeply' : 'cannot be parsed', null);
  }
  const mistakes = [...document.errors, ...document.warnings].map((mistake): ConfigProblem => {
    const { line, column } = at(mistake.pos[0]);
    return { file, line, column, path: '', message: plainMistake(mistake.code, mistake.message) };
  });
  if (mistakes.length > 0) throw new ConfigError('config/unreadable', mistakes);
  try {
    value = document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    if (error instanceof RangeError) throw refuse('is nested too deeply', null);
    const alias = danglingAlias(document);
    if (alias !== null) throw refuse('this alias has no anchor before it', at(alias));
    throw refuse('uses too many aliases; write the values out', null);
  }
  const located = (path: readonly PropertyKey[]): Location | null => {
    for (let length = path.length; length > 0; length -= 1) {
      const found = locateIn(document, path.slice(0, length), at);
      if (found !== null) return found;
    }
    const range = document.contents?.range;
    return range ? at(range[0]) : null;
  };
  return {
    file,
    value,
    locate: located,
    locateKey: (path, key) => locateIn(document, [...path, key], at),
  };
}

/** Where the first alias stands whose anchor does not come before it. */
function danglingAlias(document: Yaml.Document.Parsed): number | null {
  const { visit } = yaml();
  const anchors = new Set<string>();
  const dangling: number[] = [];
  visit(document, {
    Node: (_, node) => {
      if (node.anchor) anchors.add(node.anchor);
    },
    Alias: (_, node) => {
      if (anchors.has(node.source)) return undefined;
      dangling.push(node.range?.[0] ?? 0);
      return visit.BREAK;
    },
  });
  return dangling[0] ?? null;
}

function locateIn(
  document: Yaml.Document.Parsed,
  path: readonly PropertyKey[],
  at: (offset: number) => Location,
): Location | null {
  const { isNode, isPair, isScalar } = yaml();
  const last = path.at(-1);
  const holder: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (typeof last === 'string' && holder !== null && typeof holder === 'object' && 'items' in holder) {
    for (const item of holder.items as readonly unknown[]) {
      if (!isPair(item) || !isScalar(item.key) || item.key.value !== last) continue;
      return item.key.range ? at(item.key.range[0]) : null;
    }
    return null;
  }
  const node: unknown = document.getIn(path, true);
  return isNode(node) && node.range ? at(node.range[0]) : null;
}

/** The parser's message as one line; the commonest mistakes say what to do. */
function plainMistake(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is written twice; keep one';
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML; use spaces';
  if (code === 'MULTIPLE_DOCS') return 'holds several documents; keep one';
  if (code === 'TAG_RESOLVE_FAILED') return 'uses a tag that is not known here; remove it';
  const line = message.split('\n', 1)[0] ?? '';
  return `broken YAML: ${line.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 200)}`;
}
