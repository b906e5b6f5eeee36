import { posix } from 'node:path';
import { findCycles } from './cycles.ts';
import {
  clientMayImport,
  clientPrefix,
  forbiddenNames,
  mostLines,
  pureImports,
  purePrefixes,
  rooms,
  wirePaths,
} from './house.ts';
import type { Arrow, Source } from './source.ts';

export type Rule =
  | 'adapter'
  | 'barrel'
  | 'client'
  | 'cycle'
  | 'dependency'
  | 'impure'
  | 'length'
  | 'name'
  | 'process'
  | 'room'
  | 'sibling'
  | 'upward';

/** A broken rule, with the place to mend. */
export interface Violation {
  readonly rule: Rule;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** The rules over a whole tree. `dependencies` are the packages that an installed groundcrew has. */
export function findViolations(sources: readonly Source[], dependencies: readonly string[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const product = sources.filter(({ path }) => path.startsWith('src/'));
  const found = [
    ...sources.flatMap((source) => [...shape(source), ...names(source)]),
    ...product.flatMap((source) => [
      ...ownRoom(source),
      ...source.arrows.flatMap((arrow) => arrowRules(source.path, arrow, dependencies)),
      ...processRules(source),
      ...purity(source, byPath),
    ]),
    ...findCycles(product).map(({ path, line, members }): Violation => ({
      rule: 'cycle',
      path,
      line,
      message: `is in a cycle: ${[...members, members[0] ?? ''].join(' → ')}`,
    })),
  ];
  return found.sort((a, b) => a.path.localeCompare(b.path) || a.line - b.line);
}

/** Tests may look behind every port and use what a product file may not. */
export function isTest(path: string): boolean {
  return !path.startsWith('src/') || /\.(test|contract)\.ts$|\/contract\//.test(path);
}

/** The file a relative import means, or null for a package. */
export function target(from: string, to: string): string | null {
  return to.startsWith('.') ? posix.join(posix.dirname(from), to) : null;
}

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function shape(source: Source): Violation[] {
  const { path } = source;
  const found = source.barrelLines.map((line): Violation => ({
    rule: 'barrel',
    path,
    line,
    message: 'only passes names on: import from their owner',
  }));
  if (posix.basename(path) === 'index.ts') {
    found.push({ rule: 'barrel', path, line: 1, message: 'is called index.ts: name it after its concept' });
  }
  if (source.lineCount > mostLines) {
    const message = `has ${source.lineCount} lines, ${mostLines} at most: split it by concept`;
    found.push({ rule: 'length', path, line: mostLines + 1, message });
  }
  return found;
}

function names({ path }: Source): Violation[] {
  const words = path.split('/').map((word) => word.replace(/(\.test|\.contract)?\.ts$/, ''));
  return forbiddenNames
    .filter((name) => words.includes(name))
    .map((name) => ({ rule: 'name', path, line: 1, message: `“${name}” is a drawer: name the concept instead` }));
}

function ownRoom({ path }: Source): Violation[] {
  if (path.split('/').length > 2 && rooms[roomOf(path)] !== undefined) return [];
  return [{ rule: 'room', path, line: 1, message: 'is in no room of test/support/floors/house.ts' }];
}

function arrowRules(path: string, arrow: Arrow, dependencies: readonly string[]): Violation[] {
  const broken = (rule: Rule, message: string): Violation[] => [{ rule, path, line: arrow.line, message }];
  const to = target(path, arrow.to);
  if (to === null) {
    const name = packageOf(arrow.to);
    if (isTest(path) || arrow.to.startsWith('node:') || dependencies.includes(name)) return [];
    return broken('dependency', `imports ${arrow.to}, which is not in the dependencies of package.json`);
  }
  if (!to.startsWith('src/')) {
    return isTest(path) ? [] : broken('upward', `product code imports ${to}, which is not installed with it`);
  }
  const [from, into] = [roomOf(path), roomOf(to)];
  const isClient = path.startsWith(clientPrefix);
  if (isClient && !to.startsWith(clientPrefix) && !clientMayImport.includes(to) && !isTest(path)) {
    return broken('client', `the browser cannot have ${to}: see clientMayImport in house.ts`);
  }
  if (!isClient && to.startsWith(clientPrefix) && !isTest(path)) {
    return broken('client', `only the browser runs ${to}`);
  }
  const [lower, upper] = [rooms[into], rooms[from]];
  if (from === into || lower === undefined || upper === undefined) return [];
  if (lower.floor > upper.floor) {
    return broken('upward', `${from} (floor ${upper.floor}) imports ${to} from floor ${lower.floor}: arrows go down`);
  }
  if (lower.floor === upper.floor) {
    return broken('sibling', `${from} imports its sibling ${to}: both are on floor ${upper.floor}`);
  }
  const isPort = lower.ports === undefined || lower.ports.some((port) => to === `src/${into}/${port}`);
  if (isPort || wirePaths.test(path) || isTest(path)) return [];
  return broken(
    'adapter',
    `imports ${to} past the port of ${into}; adapters are named in src/cli/wire.ts and src/cli/wire/ alone`,
  );
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function processRules(source: Source): Violation[] {
  const { path } = source;
  if (path.startsWith('src/cli/') || isTest(path)) return [];
  return source.processUses.map(({ line, what }) => ({
    rule: 'process',
    path,
    line,
    message: `uses ${what}: only cli reads argv and the environment, and exits`,
  }));
}

function purity(source: Source, byPath: ReadonlyMap<string, Source>): Violation[] {
  const { path } = source;
  if (isTest(path) || !purePrefixes.some((prefix) => path.startsWith(prefix))) return [];
  return tiesOf(source, byPath, new Set()).map(({ line, what }) => ({
    rule: 'impure',
    path,
    line,
    message: `${what}: this room is pure, it is handed all it needs`,
  }));
}

/** What ties a file to the world, by itself or through the values that it imports. */
function tiesOf(source: Source, byPath: ReadonlyMap<string, Source>, seen: Set<string>): Source['impurities'] {
  if (seen.has(source.path)) return [];
  seen.add(source.path);
  const imported = source.arrows
    .filter((arrow) => !arrow.isTypeOnly)
    .flatMap((arrow) => {
      const to = target(source.path, arrow.to);
      if (to === null) return isPureImport(arrow) ? [] : [{ line: arrow.line, what: `imports ${arrow.to}` }];
      const next = byPath.get(to);
      const [tie] = next === undefined ? [] : tiesOf(next, byPath, seen);
      return tie === undefined ? [] : [{ line: arrow.line, what: `imports ${to} (line ${tie.line}: ${tie.what})` }];
    });
  return [...source.impurities, ...imported];
}

function isPureImport(arrow: Arrow): boolean {
  const allowed = pureImports[arrow.to];
  if (allowed === undefined || allowed === '*') return allowed === '*';
  return arrow.names !== '*' && arrow.names.every((name) => allowed.includes(name));
}
