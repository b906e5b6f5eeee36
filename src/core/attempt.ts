import type { JobId } from './job.ts';

/** Names one try of a job: the job's generation (R13) and the number within it, from 1 (R1). */
export interface AttemptKey {
  readonly jobId: JobId;
  readonly generation: number;
  readonly n: number;
}

/** `<job id>.<generation>.<n>`: unique for ever, fit for file names and labels. */
export function attemptId(key: AttemptKey): string {
  return `${key.jobId}.${String(key.generation)}.${String(key.n)}`;
}

/** The inverse of `attemptId`; null when the text is none. */
export function parseAttemptId(text: string): AttemptKey | null {
  const match = /^([0-9a-f]{32})\.([1-9]\d{0,8})\.([1-9]\d{0,8})$/.exec(text);
  if (match === null) return null;
  return { jobId: match[1] as JobId, generation: Number(match[2]), n: Number(match[3]) };
}
