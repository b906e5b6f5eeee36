import { patternMatcher } from './branch-pattern.ts';

/**
 * Which contexts are meant: names, or patterns as for branches (`*` is anything but a slash, `**` anything, `!` in front
 * excludes, the last that fits decides). A pattern without a slash also means the image alone: `fedora-*` is
 * `fedora-44/storage`, too. Exclusions alone mean "all but these"; no pattern at all means none.
 */
export function createContextFilter(patterns: readonly string[]): (context: string) => boolean {
  const rules = patterns.map((pattern) => {
    const isExcluding = pattern.startsWith('!');
    return { isExcluding, matches: contextMatcher(isExcluding ? pattern.slice(1) : pattern) };
  });
  const isAllByDefault = rules.length > 0 && rules.every(({ isExcluding }) => isExcluding);
  return (context) => {
    const last = rules.findLast(({ matches }) => matches(context));
    return last === undefined ? isAllByDefault : !last.isExcluding;
  };
}

/** One name or pattern, without `!`. */
export function contextMatcher(pattern: string): (context: string) => boolean {
  const matches = patternMatcher(pattern);
  if (pattern.includes('/') || !/[*?]/.test(pattern)) return matches;
  return (context) => matches(context) || matches(imageOf(context));
}

function imageOf(context: string): string {
  const end = context.search(/[/@]/);
  return end < 0 ? context : context.slice(0, end);
}
