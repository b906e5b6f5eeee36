import { posix } from 'node:path';
import type { Source } from './source.ts';

/** Files that reach themselves; `line` is where the first of them, `path`, imports the next. */
export interface Cycle {
  readonly path: string;
  readonly line: number;
  readonly members: readonly string[];
}

interface Visit {
  readonly number: number;
  lowest: number;
  isOpen: boolean;
}

/** Every knot of files that import each other, types included (Tarjan's strongly connected components). */
export function findCycles(sources: readonly Source[]): Cycle[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const targetsOf = (source: Source): Source[] =>
    source.arrows.flatMap(({ to }) => {
      const next = to.startsWith('.') ? byPath.get(posix.join(posix.dirname(source.path), to)) : undefined;
      return next === undefined ? [] : [next];
    });
  const visits = new Map<Source, Visit>();
  const open: Source[] = [];
  const knots: Source[][] = [];

  const visit = (source: Source): Visit => {
    const own: Visit = { number: visits.size, lowest: visits.size, isOpen: true };
    visits.set(source, own);
    open.push(source);
    for (const next of targetsOf(source)) {
      const before = visits.get(next);
      if (before === undefined) own.lowest = Math.min(own.lowest, visit(next).lowest);
      else if (before.isOpen) own.lowest = Math.min(own.lowest, before.number);
    }
    if (own.lowest === own.number) {
      const knot = open.splice(open.indexOf(source));
      for (const member of knot) Object.assign(visits.get(member) ?? {}, { isOpen: false });
      if (knot.length > 1 || targetsOf(source).includes(source)) knots.push(knot);
    }
    return own;
  };
  for (const source of sources) if (!visits.has(source)) visit(source);
  return knots.map((knot) => around(knot, targetsOf));
}

/** One way round the knot, the shortest from its first file by name. */
function around(knot: readonly Source[], targetsOf: (source: Source) => Source[]): Cycle {
  const start = [...knot].sort((a, b) => a.path.localeCompare(b.path))[0];
  if (start === undefined) throw new Error('an empty knot');
  const ways: Source[][] = [[start]];
  const seen = new Set<Source>();
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const last: Source = way.at(-1) ?? start;
    for (const next of targetsOf(last)) {
      if (next === start) return asCycle(way);
      if (!knot.includes(next) || seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return asCycle([start]);
}

function asCycle(way: readonly Source[]): Cycle {
  const [first, second = first] = way;
  const arrow = first?.arrows.find(({ to }) => posix.join(posix.dirname(first.path), to) === second?.path);
  return { path: first?.path ?? '', line: arrow?.line ?? 1, members: way.map(({ path }) => path) };
}
