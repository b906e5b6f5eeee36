import type { Change, StatusSeen } from '../core/change.ts';
import type { PersonRequest } from '../core/request.ts';
import type { VerdictState } from '../core/verdict.ts';

/** A place that moves, as a listing shows it: enough to see that something changed. */
export interface PlaceSeen {
  readonly changeKey: string;
  readonly headSha: string;
}

/** What the forge shows of one place: null when it is gone (branch deleted). */
export interface PlaceView {
  readonly change: Change;
  readonly statuses: readonly StatusSeen[];
  readonly requests: readonly PersonRequest[];
  readonly approvedShas: readonly string[];
}

/** A commit status to show. `description` is at most 140 characters. */
export interface StatusToPost {
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  readonly state: VerdictState;
  readonly description: string;
  /** Absolute address; null when the server has no public one. */
  readonly targetUrl: string | null;
}

/**
 * Where changes come from and verdicts go. Answers may be stale; every call may fail with a `forge/…` GroundcrewError whose
 * `retry` says whether to come back. Posting the same thing twice is harmless.
 */
export interface Forge {
  readonly name: string;
  /** False: statuses, approvals and finished requests live in the ledger alone (plain git). */
  readonly remembersStatuses: boolean;
  /** Repositories that this forge watches. */
  repos(): readonly string[];
  /** Every open place of a repository: branches and open pull requests. */
  places(repo: string, signal: AbortSignal): Promise<readonly PlaceSeen[]>;
  /** One place as it is now; null when it is not there any more. */
  view(repo: string, changeKey: string, signal: AbortSignal): Promise<PlaceView | null>;
  /**
   * The text of a file at a commit, its first 64 KiB; links inside the repository are followed. Null when it is not there,
   * not a plain file, or a link to outside.
   */
  fileAt(repo: string, sha: string, path: string, signal: AbortSignal): Promise<string | null>;
  /** The commit that a branch points to now; null when there is no such branch. */
  headOf(repo: string, ref: string, signal: AbortSignal): Promise<string | null>;
  /** Where a worker fetches the repository from. */
  cloneUrl(repo: string): string;
  setStatus(status: StatusToPost, signal: AbortSignal): Promise<void>;
  /** Remembers an approval where it outlives our ledger (R11). */
  rememberApproval(repo: string, sha: string, by: string, signal: AbortSignal): Promise<void>;
  /** Marks a request as carried out where it outlives our ledger (R11). */
  markRequestDone(repo: string, requestId: string, signal: AbortSignal): Promise<void>;
  /** Calls back with the places that moved, as soon as this forge can tell (hook, file watching, poll). Until `signal` aborts. */
  watch(
    hear: (moved: {
      readonly repo: string;
      readonly changeKey: string;
      readonly sha: string | null;
      readonly deliveryId: string;
    }) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}
