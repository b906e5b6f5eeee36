/** What a person can ask for. `help` and `mistake` only get an answer. */
export type RequestKind = 'test' | 'retry' | 'cancel' | 'approve' | 'skip' | 'help' | 'mistake';

/**
 * What a person asked for, by comment, page or command line. `id` is unique for ever and, with a forge that remembers,
 * known to it; done when `isDone` (our reaction is on it, R11). One comment may hold several commands: they share its id,
 * and are carried out in one transaction.
 */
export interface PersonRequest {
  readonly id: string;
  readonly kind: RequestKind;
  readonly by: string;
  /** The commit that it is for: an approval or a skip is never good for another one. Null: none was named, and `askedAt` tells. */
  readonly sha: string | null;
  /** Contexts or patterns of contexts (`fedora-*`); empty: all that fit. */
  readonly contexts: readonly string[];
  /** A run to retry or cancel; null: by context. */
  readonly jobId: string | null;
  readonly isDone: boolean;
  /** When, by the forge's clock (epoch ms): what was not the head at that time is not meant. Absent: `sha` is given. */
  readonly askedAt?: number;
  /** Only contexts whose last verdict is a failure (`/retry failed`). */
  readonly isOnlyFailed?: boolean;
  /** The reason of a skip, or what is wrong with a mistake: one line. */
  readonly text?: string;
  /** Who asked may not: it is answered and changes nothing. */
  readonly isRefused?: boolean;
  /** Nobody could tell just now whether who asked may: it waits as it is, neither done nor refused. */
  readonly isUnclear?: boolean;
}

/** A request that came to this server itself, with its token, has such an id; what is read from a forge has none of these. */
export const ownRequestPrefix = 'request-';
