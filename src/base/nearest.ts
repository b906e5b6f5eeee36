/**
 * The candidate that `typed` was probably meant to be: at most a third of its letters differ (a swap of neighbours counts
 * once), or one is the start of the other. Null when nothing is near.
 */
export function nearest(typed: string, candidates: readonly string[]): string | null {
  return nearestFew(typed, candidates, 1)[0] ?? null;
}

/** The same, the nearest first, at most so many; of two that are as near, the one that comes first. */
export function nearestFew(typed: string, candidates: readonly string[], most: number): readonly string[] {
  // A stranger's ten-thousand-letter key must not cost a second.
  if (typed.length > 100) return [];
  const wanted = typed.toLowerCase();
  const found: { readonly candidate: string; readonly score: number }[] = [];
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    const isStart = wanted.length >= 3 && (known.startsWith(wanted) || wanted.startsWith(known));
    const measured = slips(wanted, known);
    const allowed = Math.max(1, Math.ceil(Math.max(wanted.length, known.length) / 3));
    if (measured > allowed && !isStart) continue;
    found.push({ candidate, score: isStart ? Math.min(measured, allowed) : measured });
  }
  return found
    .sort((a, b) => a.score - b.score)
    .slice(0, most)
    .map(({ candidate }) => candidate);
}

/** `; did you mean 'x'?`, or nothing. */
export function suggestion(typed: string, candidates: readonly string[]): string {
  const near = nearest(typed, candidates);
  return near === null ? '' : `; did you mean '${near}'?`;
}

/** How many letters were mistyped: edit distance with swapped neighbours (optimal string alignment). */
export function slips(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min((above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (above[column - 1] ?? 0) + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      }
      current.push(least);
    }
    before = above;
    above = current;
  }
  return above[b.length] ?? 0;
}
