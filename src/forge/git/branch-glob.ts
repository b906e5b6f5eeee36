/**
 * Which branches are watched: the last pattern that fits decides, `!` in front excludes, `*` is anything but a slash,
 * `**` anything, `?` one character but a slash. No pattern at all: every branch.
 */
export function createBranchFilter(patterns: readonly string[]): (branch: string) => boolean {
  const rules = patterns.map((pattern) => {
    const isExcluding = pattern.startsWith('!');
    return { isExcluding, matches: matcherOf(isExcluding ? pattern.slice(1) : pattern) };
  });
  // A list of exclusions alone means "all but these".
  const isAllByDefault = rules.every(({ isExcluding }) => isExcluding);
  return (branch) => {
    const last = rules.findLast(({ matches }) => matches(branch));
    return last === undefined ? isAllByDefault : !last.isExcluding;
  };
}

/** Backtracks over at most one star of each kind at a time, so no branch name makes it slow. */
function matcherOf(pattern: string): (text: string) => boolean {
  const tokens = pattern.match(/\*\*|[\s\S]/gu) ?? [];
  return (text) => {
    const letters = text.match(/[\s\S]/gu) ?? [];
    // Which positions of `letters` are reachable after each token.
    let reach = new Set([0]);
    for (const token of tokens) {
      const next = new Set<number>();
      for (const at of reach) {
        if (token === '*' || token === '**') {
          for (let to = at; to <= letters.length; to += 1) {
            next.add(to);
            if (token === '*' && letters[to] === '/') break;
          }
        } else if (at < letters.length && (token === letters[at] || (token === '?' && letters[at] !== '/'))) {
          next.add(at + 1);
        }
      }
      reach = next;
    }
    return reach.has(letters.length);
  };
}
