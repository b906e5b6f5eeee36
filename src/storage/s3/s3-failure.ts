import { GroundcrewError } from '../../base/errors.ts';
import type { S3Failure } from './s3-error.ts';

/** What AWS's library throws, as far as we read it. */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly ServerTime?: unknown;
  readonly Region?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly requestId?: unknown };
  readonly $response?: { readonly statusCode?: unknown; readonly headers?: Readonly<Record<string, unknown>> };
}

/**
 * Reads what the library threw. An aborted request is one without an answer.
 * @throws what is neither an answer nor a broken connection, but a mistake of ours.
 */
export function failureOf(error: unknown): S3Failure {
  if (error instanceof GroundcrewError || !(error instanceof Error)) throw error;
  const thrown: Thrown = error;
  const status = numberOf(thrown.$metadata?.httpStatusCode) ?? numberOf(thrown.$response?.statusCode) ?? 0;
  const systemCode = textOf(thrown.code);
  if (status === 0 && systemCode === null && (error instanceof TypeError || error instanceof RangeError)) throw error;
  const headers = thrown.$response?.headers ?? {};
  // The library's words for what it could not read are for programmers.
  const isForeign = status !== 0 && error.message.includes('Deserialization error');
  return {
    status,
    code: codeOf(error, status, systemCode),
    message: isForeign ? 'not the answer of an S3 server' : error.message,
    serverTime: timeOf(thrown.ServerTime) ?? timeOf(headers['date']),
    region: regionOf(thrown, headers, status),
    requestId: textOf(thrown.$metadata?.requestId),
  };
}

function codeOf(error: Error, status: number, systemCode: string | null): string {
  if (status === 0) return systemCode ?? error.name;
  // An answer without a body (HEAD), or of a proxy: only the number says something.
  return error.name === 'Error' || error.name === 'UnknownError' || error.name === 'Unknown'
    ? `status ${String(status)}`
    : error.name;
}

/** Told in words with a redirection, and with a refused scope; other answers have the header too and mean nothing by it. */
function regionOf(thrown: Thrown, headers: Readonly<Record<string, unknown>>, status: number): string | null {
  if (thrown.name === 'AuthorizationHeaderMalformed') return textOf(thrown.Region);
  return status === 301 || status === 307 ? textOf(headers['x-amz-bucket-region']) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function timeOf(value: unknown): number | null {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}
