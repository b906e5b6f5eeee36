import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { Backoff } from '../../base/retry.ts';

/** A key pair; with `sessionToken` when it was lent for a while. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * How a store differs from AWS. Found by trying (`findDialect`), or handed to whom may not try.
 * - `takesAcl`: `x-amz-acl` may be sent. Buckets with BucketOwnerEnforced (AWS's default since April 2023) refuse it;
 *   what is public is then said by the bucket's policy.
 * - `isConditional`: `If-None-Match: *` on a PUT is kept. Some servers overlook it.
 * - `hasRanges`: range reads give the right bytes. A server is known that does not.
 * - `hidesAbsent`: without permission to list, what is not there answers 403 instead of 404.
 */
export interface S3Dialect {
  readonly takesAcl: boolean;
  readonly isConditional: boolean;
  readonly hasRanges: boolean;
  readonly hidesAbsent: boolean;
}

/** Tries and their limits. Times are ms. */
export interface S3Pace {
  /** Of one request, the first included. */
  readonly tries: number;
  readonly retry: Backoff;
  readonly connectMs: number;
  /** Until the answer begins; a body adds the time that it takes at `slowestBytesPerSecond`. */
  readonly answerMs: number;
  /** Between two pieces of a body that is read. */
  readonly idleMs: number;
  readonly slowestBytesPerSecond: number;
}

/** The waits add up to some 8 s: whoever calls tries again later anyway, or is a page that somebody waits for. */
export const defaultPace: S3Pace = {
  tries: 5,
  retry: { firstMs: 500, mostMs: 20_000, factor: 2 },
  connectMs: 10_000,
  answerMs: 30_000,
  idleMs: 60_000,
  slowestBytesPerSecond: 64 * 1024,
};

/** Which bucket, how to speak to it, and with what. */
export interface S3StoreOptions {
  readonly bucket: string;
  /** Put before every key: `''`, or ends in `/`. */
  readonly prefix: string;
  readonly region: string;
  /** Null for AWS itself. No path, no query. */
  readonly endpoint: string | null;
  /** `host`: `bucket.endpoint/key`, as AWS wants it; `path`: `endpoint/bucket/key`, as most other servers do. */
  readonly addressing: 'host' | 'path';
  /** Read for each request, so a renewed key counts at once. Null: what AWS's tools find (environment, files, machine). */
  readonly keys: (() => S3Keys) | null;
  /** Where everybody may read all of the bucket (its policy says so), ends in `/`; null: addresses are signed. */
  readonly publicUrl: string | null;
  /** Null: found by trying, before the first object is put. */
  readonly dialect: S3Dialect | null;
  /** Certificates (PEM) that the server is trusted by, besides those that Node knows. */
  readonly ca?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly pace?: Partial<S3Pace>;
}
