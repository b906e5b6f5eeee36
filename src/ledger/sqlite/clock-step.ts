/**
 * No pause of ours is this long (ms). What should wait longer was written by a wall clock that has since been set back: it
 * is due, or a step of a day would hold it up for a day.
 */
export const longestPauseMs = 600_000;

/** SQL that is true when `column` (epoch ms) is due at the time bound as `?number`. */
export function isDue(column: string, number: number): string {
  const now = `?${String(number)}`;
  return `(${column} <= ${now} OR ${column} > ${now} + ${String(longestPauseMs)})`;
}
