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

/** Costs pattern length times name length at most, whatever both are. */
function matcherOf(pattern: string): (text: string) => boolean {
  const tokens = pattern.match(/\*\*|[\s\S]/gu) ?? [];
  return (text) => {
    const letters = text.match(/[\s\S]/gu) ?? [];
    // Which positions of `letters` are reachable after each token.
    let reach = new Set([0]);
    for (const token of tokens) {
      reach = token.startsWith('*') ? afterStar(reach, letters, token) : afterOne(reach, letters, token);
    }
    return reach.has(letters.length);
  };
}

function afterOne(reach: ReadonlySet<number>, letters: readonly string[], token: string): Set<number> {
  const next = new Set<number>();
  for (const at of reach) {
    if (at < letters.length && (token === letters[at] || (token === '?' && letters[at] !== '/'))) next.add(at + 1);
  }
  return next;
}

function afterStar(reach: ReadonlySet<number>, letters: readonly string[], token: string): Set<number> {
  const next = new Set<number>();
  let isOpen = false;
  for (let at = 0; at <= letters.length; at += 1) {
    isOpen = reach.has(at) || (isOpen && (token === '**' || letters[at - 1] !== '/'));
    if (isOpen) next.add(at);
  }
  return next;
}
