/** A length of time for people, two units at most: `850ms`, `12s`, `3m 20s`, `2h 5m`, `3d 4h`. Negative counts as zero. */
export function elapsed(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 1000) return `${String(Math.round(ms))}ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${String(seconds)}s`;
  if (seconds < 3600) return pair(seconds, 60, 'm', 's');
  if (seconds < 86_400) return pair(Math.floor(seconds / 60), 60, 'h', 'm');
  return pair(Math.floor(seconds / 3600), 24, 'd', 'h');
}

/** How long ago, in one unit: `now`, `40s`, `5m`, `3h`, `12d`. */
export function age(then: number, now: number): string {
  const seconds = Math.floor((now - then) / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${String(seconds)}s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))}m`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3600))}h`;
  return `${String(Math.floor(seconds / 86_400))}d`;
}

function pair(count: number, perUnit: number, large: string, small: string): string {
  const rest = count % perUnit;
  const head = `${String(Math.floor(count / perUnit))}${large}`;
  return rest === 0 ? head : `${head} ${String(rest)}${small}`;
}
