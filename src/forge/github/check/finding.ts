/** One thing that was looked at. `remedy` says what to do; null when there is nothing to do. */
export interface GitHubFinding {
  readonly ok: boolean;
  readonly what: string;
  readonly remedy: string | null;
  /** It works without, only worse: scans find later what nobody told. */
  readonly isLesser?: boolean;
}

/** It is as it should be. */
export function good(what: string): GitHubFinding {
  return { ok: true, what, remedy: null };
}

/** It is not, and what helps. */
export function bad(what: string, remedy: string): GitHubFinding {
  return { ok: false, what, remedy };
}

/** It works, with less, and what helps. */
export function lesser(what: string, remedy: string): GitHubFinding {
  return { ok: false, what, remedy, isLesser: true };
}
