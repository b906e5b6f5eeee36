import { GroundcrewError } from '../../base/errors.ts';

/** What an S3 server, or the way to it, said to one request. */
export interface S3Failure {
  /** 0 when there was no answer. */
  readonly status: number;
  /** The server's word (`SlowDown`), or the system's (`ECONNRESET`). */
  readonly code: string;
  readonly message: string;
  /** The server's clock, epoch ms; null when it did not say. */
  readonly serverTime: number | null;
  /** The region in which the bucket really is; null when it did not say. */
  readonly region: string | null;
  readonly requestId: string | null;
}

/** Answers that may be better the next time. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const passing = new Set([
  'InternalError',
  'OperationAborted',
  'ConditionalRequestConflict',
  'RequestTimeout',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  // A body that was damaged on its way.
  'BadDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
]);

/** Lent keys that have run out, or that could not be had just now. */
const renewable = new Set(['CredentialsProviderError', 'ExpiredToken', 'TokenRefreshRequired']);

const aboutKeys = new Set([
  ...renewable,
  'AuthorizationHeaderMalformed',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
]);

/** True when the same request may succeed in a moment. */
export function isPassing(failure: S3Failure): boolean {
  const { status, code } = failure;
  if (code === 'CredentialsProviderError') return false;
  return status === 0 || status === 429 || status >= 500 || passing.has(code) || isSkew(failure);
}

/** True when our clock and the store's are too far apart (15 min on AWS). */
export function isSkew(failure: S3Failure): boolean {
  return failure.code === 'RequestTimeTooSkewed';
}

const absent = new Set(['NoSuchKey', 'NoSuchUpload', 'NotFound']);

/** True when there is no such object or upload. A missing bucket is something else, and so is the 404 page of a proxy. */
export function isAbsent({ code }: S3Failure): boolean {
  return absent.has(code);
}

/** How far our clock is from the store's, for people: `17 min behind`; null when the store did not say. */
export function skewWords(failure: S3Failure, now: number): string | null {
  if (failure.serverTime === null) return null;
  const aheadMs = now - failure.serverTime;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const amount = minutes < 120 ? `${String(minutes)} min` : `${String(Math.round(minutes / 60))} h`;
  return `${amount} ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
}

/**
 * The last failure of a request as an error of ours: `what` says in words what was to be done ("put \"a/log\""). Only the
 * server's words come along, never its answer or our request: those carry signatures.
 */
export function s3Error(what: string, failure: S3Failure, now: number): GroundcrewError {
  const { status, code } = failure;
  const cause = new Error(saying(failure));
  const said = `${what}: ${saying(failure)}`;
  if (isSkew(failure)) {
    const words = skewWords(failure, now);
    const by = words === null ? 'and that of the store are too far apart' : `is ${words} that of the store`;
    return new GroundcrewError('storage/clock-skew', `${what}: the clock of this machine ${by}`, {
      retry: 'later',
      cause,
    });
  }
  if (code === 'NoSuchBucket') return new GroundcrewError('storage/no-bucket', said, { cause });
  if (failure.region !== null || status === 301) {
    const where = failure.region === null ? 'elsewhere' : `in ${failure.region}`;
    return new GroundcrewError('storage/wrong-region', `${what}: the bucket is ${where}`, { cause });
  }
  if (aboutKeys.has(code)) {
    const retry = renewable.has(code) ? 'later' : 'never';
    return new GroundcrewError('storage/bad-credentials', said, { retry, cause });
  }
  if (status === 401 || status === 403) return new GroundcrewError('storage/forbidden', said, { cause });
  if (isPassing(failure)) return new GroundcrewError('storage/unavailable', said, { retry: 'later', cause });
  return new GroundcrewError('storage/refused', said, { cause });
}

function saying({ status, code, message, requestId }: S3Failure): string {
  const words = message === '' || message === code ? code : `${code} (${message})`;
  const answer = status === 0 ? `no answer: ${words}` : `${String(status)} ${words}`;
  return (requestId === null ? answer : `${answer}, request ${requestId}`).replaceAll(/\p{Cc}+/gu, ' ').slice(0, 500);
}
