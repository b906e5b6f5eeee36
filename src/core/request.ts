/**
 * What a person asked for, by comment, page or command line. `id` is unique for ever and, with a forge that remembers,
 * known to it; done when `isDone` (our reaction is on it, R11). `contexts` empty: all that fit.
 * `sha` binds an approval to one commit.
 */
export interface PersonRequest {
  readonly id: string;
  readonly kind: 'test' | 'retry' | 'cancel' | 'approve';
  readonly by: string;
  readonly sha: string;
  readonly contexts: readonly string[];
  /** A run to retry or cancel; null: by context. */
  readonly jobId: string | null;
  readonly isDone: boolean;
}
