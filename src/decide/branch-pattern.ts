/**
 * Whether a branch is wanted by a list of patterns: `*` stands for any text (slashes too), `!` in front excludes, and the last
 * pattern that fits decides. No pattern fits: not wanted.
 */
export function matchesBranch(patterns: readonly string[], branch: string): boolean {
  let isWanted = false;
  for (const pattern of patterns) {
    const excludes = pattern.startsWith('!');
    if (matchesStars(excludes ? pattern.slice(1) : pattern, branch)) isWanted = !excludes;
  }
  return isWanted;
}

/** Linear in practice and never worse than pattern × text: after a failure only the last star moves on. */
function matchesStars(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p;
      resume = t;
      p += 1;
    } else if (pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      resume += 1;
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
