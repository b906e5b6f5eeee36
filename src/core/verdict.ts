/** What a forge shows beside a commit. `pending` is the only one that is not final. */
export type VerdictState = 'pending' | 'success' | 'failure' | 'error';

/** What people are told of one job. `sentence` is at most 140 characters (GitHub refuses more). */
export interface Verdict {
  readonly state: VerdictState;
  readonly sentence: string;
  /** Path below the server's public address; carries job id and generation (R11). */
  readonly path: string;
}
