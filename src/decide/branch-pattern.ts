/**
 * Which branches are watched: the last pattern that fits decides, `!` in front excludes, `*` is anything but a slash,
 * `**` anything, `?` one character but a slash. No pattern at all: every branch.
 */
export function createBranchFilter(patterns: readonly string[]): (branch: string) => boolean {
  const rules = patterns.map((pattern) => {
    const isExcluding = pattern.startsWith('!');
    return { isExcluding, matches: patternMatcher(isExcluding ? pattern.slice(1) : pattern) };
  });
  // A list of exclusions alone means "all but these".
  const isAllByDefault = rules.every(({ isExcluding }) => isExcluding);
  return (branch) => {
    const last = rules.findLast(({ matches }) => matches(branch));
    return last === undefined ? isAllByDefault : !last.isExcluding;
  };
}

/** One pattern without `!`. Costs pattern length times name length at most, whatever both are. */
export function patternMatcher(pattern: string): (text: string) => boolean {
  if (pattern === '**') return () => true;
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const tokens = pattern.match(/\*\*|[\s\S]/gu) ?? [];
  return (text) => {
    const letters = text.match(/[\s\S]/gu) ?? [];
    // Which positions of `letters` are reachable after each token.
    let reach = new Uint8Array(letters.length + 1);
    reach[0] = 1;
    for (const token of tokens) {
      reach = token.startsWith('*') ? afterStar(reach, letters, token) : afterOne(reach, letters, token);
    }
    return reach[letters.length] === 1;
  };
}

type Reach = Uint8Array<ArrayBuffer>;

function afterOne(reach: Reach, letters: readonly string[], token: string): Reach {
  const next = new Uint8Array(reach.length);
  for (const [at, letter] of letters.entries()) {
    if (reach[at] === 1 && (token === letter || (token === '?' && letter !== '/'))) next[at + 1] = 1;
  }
  return next;
}

function afterStar(reach: Reach, letters: readonly string[], token: string): Reach {
  const next = new Uint8Array(reach.length);
  let isOpen = false;
  for (let at = 0; at <= letters.length; at += 1) {
    isOpen = reach[at] === 1 || (isOpen && (token === '**' || letters[at - 1] !== '/'));
    if (isOpen) next[at] = 1;
  }
  return next;
}
