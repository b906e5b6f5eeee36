/** What a status link says of the job behind it, for the day when our ledger is gone (R11). */
export interface RunLink {
  readonly jobId: string;
  readonly generation: number;
  /** The job that a plain push asks for at this place; the same id unless a request made this one. */
  readonly changeJobId: string;
  /** Ended without a verdict (`isNoVerdict`, R13). */
  readonly isCanceled: boolean;
}

/** `/runs/<job>?g=<generation>`, with `c` and `x` where they say something. */
export function formatRunPath({ jobId, generation, changeJobId, isCanceled }: RunLink): string {
  const change = changeJobId === jobId ? '' : `&c=${changeJobId}`;
  return `/runs/${jobId}?g=${String(generation)}${change}${isCanceled ? '&x=1' : ''}`;
}

/** Reads a link that we wrote, whatever server address stands before it; null when it is none of ours. */
export function parseRunLink(url: string): RunLink | null {
  const match = /\/runs\/([0-9a-f]{32})\?g=([1-9]\d{0,8})(?:&c=([0-9a-f]{32}))?(&x=1)?$/.exec(url);
  const jobId = match?.[1];
  if (match === null || jobId === undefined) return null;
  return { jobId, generation: Number(match[2]), changeJobId: match[3] ?? jobId, isCanceled: match[4] !== undefined };
}

/** Where the status of a skipped context points: it belongs to no job. */
export function formatSkipPath({ isByPolicy }: { readonly isByPolicy: boolean }): string {
  return `/skipped?by=${isByPolicy ? 'policy' : 'person'}`;
}

/** True for the link of a context that a person skipped (`StatusSeen.isSkip`); what the policy skips, it decides each time anew. */
export function isSkipLink(url: string): boolean {
  return url.endsWith('/skipped?by=person');
}
