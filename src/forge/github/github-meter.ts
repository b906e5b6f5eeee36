/** What kind of request it is: GraphQL has a quota of its own, and writes are spaced. */
export type RequestKind = 'read' | 'graphql' | 'write';

/** Why a request waits before it is sent. */
export type WaitReason =
  /** The hour's quota is used up. */
  | 'quota'
  /** GitHub asked for a pause (secondary limit, `Retry-After`). */
  | 'pause'
  /** Points in this minute. */
  | 'points'
  /** Spacing of writes. */
  | 'spacing'
  /** As many as may run at once do. */
  | 'turn'
  /** After a failure, before the next try. */
  | 'retry';

/** Where a client counts. Every call returns at once and never throws. `forge` is the configured name. */
export interface GitHubMeter {
  /** One request on the wire. `status` 0: no answer at all (connection, time-out). */
  requested(seen: {
    readonly forge: string;
    readonly kind: RequestKind;
    readonly status: number;
    readonly ms: number;
  }): void;
  /** An answer that cost no quota: GitHub said 304, or equal requests shared one. */
  saved(seen: { readonly forge: string; readonly by: 'not-modified' | 'shared' | 'cache' }): void;
  waited(seen: { readonly forge: string; readonly why: WaitReason; readonly ms: number }): void;
  /** The quota as GitHub last told it. `resetAt` epoch ms. */
  quota(seen: {
    readonly forge: string;
    readonly resource: string;
    readonly limit: number;
    readonly left: number;
    readonly resetAt: number;
  }): void;
}

/** Counts nothing. */
export const silentMeter: GitHubMeter = {
  requested: () => undefined,
  saved: () => undefined,
  waited: () => undefined,
  quota: () => undefined,
};
