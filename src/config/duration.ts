const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** What a duration looks like, for messages. */
export const durationExample = 'a duration such as 90s, 15m, 2h or 1h30m';

/**
 * Reads a duration: whole numbers with the units d, h, m, s, ms, the larger first (`90s`, `1h30m`). Null when the text is none,
 * or beyond what a number holds exactly.
 */
export function parseDuration(text: string): number | null {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === '') return null;
  let totalMs = 0;
  for (const [index, [, unitMs]] of units.entries()) totalMs += Number(match[index + 1] ?? 0) * unitMs;
  return Number.isSafeInteger(totalMs) ? totalMs : null;
}

/** The shortest text that `parseDuration` reads as `durationMs` (a whole number, not negative). */
export function formatDuration(durationMs: number): string {
  let rest = durationMs;
  let text = '';
  for (const [unit, unitMs] of units) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${String(count)}${unit}`;
    rest -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}
