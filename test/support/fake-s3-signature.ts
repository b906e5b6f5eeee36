import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The parts of a request that a signature covers; `url` is as it stands in the request line. */
export interface SignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** What AWS answers to a request that it does not let in: HTTP status, error code, words, more XML elements. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly more?: Readonly<Record<string, string>>;
}

/** Who may come in, and what time it is. */
export interface Gatekeeper {
  readonly region: string;
  readonly keys: ReadonlyMap<string, string>;
  readonly nowMs: () => number;
}

const algorithm = 'AWS4-HMAC-SHA256';
const skewMostMs = 15 * 60_000;
const longestPresignSeconds = 604_800;

/**
 * Signature version 4 as AWS describes it, written from the description and from nothing that the client uses:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and `sigv4-query-string-auth.html`.
 * @returns the hash of the body that was signed (or `UNSIGNED-PAYLOAD`), or the refusal.
 */
export function checkSignature(request: SignedRequest, gate: Gatekeeper): { readonly bodyHash: string } | Refusal {
  const query = queryOf(request.url);
  const fromQuery = new Map(query);
  const isPresigned = fromQuery.has('X-Amz-Signature');
  const claim = isPresigned ? claimInQuery(fromQuery) : claimInHeader(request.headers);
  if (claim === null) {
    const isAnonymous = request.headers.authorization === undefined && !isPresigned;
    return isAnonymous
      ? refuse(403, 'AccessDenied', 'Access Denied')
      : refuse(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed');
  }
  const [keyId = '', date = '', region = '', service, end, ...rest] = claim.credential.split('/');
  if (region !== gate.region) {
    const message = `The authorization header is malformed; the region '${region}' is wrong; expecting '${gate.region}'`;
    return refuse(400, 'AuthorizationHeaderMalformed', message, { Region: gate.region });
  }
  if (service !== 's3' || end !== 'aws4_request' || rest.length > 0 || !claim.at.startsWith(date)) {
    return refuse(400, 'AuthorizationHeaderMalformed', 'The credential scope is wrong');
  }
  const secret = gate.keys.get(keyId);
  if (secret === undefined) {
    const message = 'The AWS Access Key Id you provided does not exist in our records.';
    return refuse(403, 'InvalidAccessKeyId', message, { AWSAccessKeyId: keyId });
  }
  const late = timeRefusal(claim, gate.nowMs());
  if (late !== null) return late;
  const unsigned = unsignedHeader(request.headers, claim.signedHeaders);
  if (unsigned !== null) {
    return refuse(403, 'AccessDenied', 'There were headers present in the request which were not signed', {
      HeadersNotSigned: unsigned,
    });
  }
  const stringToSign = [
    algorithm,
    claim.at,
    `${date}/${region}/s3/aws4_request`,
    sha256(canonicalRequest(request, query, claim)),
  ].join('\n');
  const expected = signatureOf(stringToSign, { secret, date, region });
  const isRight =
    expected.length === claim.signature.length && timingSafeEqual(Buffer.from(expected), Buffer.from(claim.signature));
  if (isRight) return { bodyHash: claim.bodyHash };
  const message = 'The request signature we calculated does not match the signature you provided.';
  return refuse(403, 'SignatureDoesNotMatch', message, { AWSAccessKeyId: keyId, StringToSign: stringToSign });
}

interface Claim {
  readonly credential: string;
  readonly at: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly bodyHash: string;
  /** Null for a signed header: then only the skew counts. */
  readonly validSeconds: number | null;
}

function claimInHeader(headers: IncomingHttpHeaders): Claim | null {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  );
  const at = headers['x-amz-date'];
  const bodyHash = headers['x-amz-content-sha256'];
  if (match === null || typeof at !== 'string' || typeof bodyHash !== 'string') return null;
  const [, credential = '', names = '', signature = ''] = match;
  return { credential, at, signedHeaders: names.split(';'), signature, bodyHash, validSeconds: null };
}

function claimInQuery(query: ReadonlyMap<string, string>): Claim | null {
  const validSeconds = Number(query.get('X-Amz-Expires'));
  if (query.get('X-Amz-Algorithm') !== algorithm || !Number.isInteger(validSeconds)) return null;
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    at: query.get('X-Amz-Date') ?? '',
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    bodyHash: 'UNSIGNED-PAYLOAD',
    validSeconds,
  };
}

function timeRefusal(claim: Claim, nowMs: number): Refusal | null {
  const at = timeOf(claim.at);
  if (Number.isNaN(at)) return refuse(403, 'AccessDenied', 'AWS authentication requires a valid Date');
  if (claim.validSeconds === null) {
    if (Math.abs(nowMs - at) <= skewMostMs) return null;
    const message = 'The difference between the request time and the current time is too large.';
    return refuse(403, 'RequestTimeTooSkewed', message, {
      RequestTime: claim.at,
      ServerTime: new Date(nowMs).toISOString(),
      MaxAllowedSkewMilliseconds: String(skewMostMs),
    });
  }
  if (claim.validSeconds < 1 || claim.validSeconds > longestPresignSeconds) {
    return refuse(400, 'AuthorizationQueryParametersError', 'X-Amz-Expires must be less than a week (in seconds)');
  }
  if (at - nowMs > skewMostMs) return refuse(403, 'AccessDenied', 'Request is not valid yet');
  if (nowMs > at + claim.validSeconds * 1000) return refuse(403, 'AccessDenied', 'Request has expired');
  return null;
}

/** Epoch ms of `YYYYMMDDTHHMMSSZ`. */
export function timeOf(basic: string): number {
  return Date.parse(basic.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** `host` and everything of AWS must be signed; the hash of the body may stand in the query of a presigned address. */
function unsignedHeader(headers: IncomingHttpHeaders, signed: readonly string[]): string | null {
  const needed = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  return needed.find((name) => !signed.includes(name)) ?? null;
}

function canonicalRequest(request: SignedRequest, query: readonly [string, string][], claim: Claim): string {
  const names = [...claim.signedHeaders];
  const [path = ''] = request.url.split('?', 1);
  return [
    request.method,
    path
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    query
      .filter(([name]) => name !== 'X-Amz-Signature')
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort((a, b) => (a < b ? -1 : 1))
      .join('&'),
    ...names.map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replaceAll(/ +/g, ' ')}`,
    ),
    '',
    names.join(';'),
    claim.bodyHash,
  ].join('\n');
}

/** The signature of `stringToSign` (a request's, or a form's policy), hex. */
export function signatureOf(
  stringToSign: string,
  by: { readonly secret: string; readonly date: string; readonly region: string },
): string {
  const keyed = [by.date, by.region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${by.secret}`),
  );
  return hmac(keyed, stringToSign).toString('hex');
}

/** The pairs of the query, decoded; `+` is a plus here, as AWS takes it. */
export function queryOf(url: string): [string, string][] {
  const at = url.indexOf('?');
  if (at < 0 || at === url.length - 1) return [];
  return url
    .slice(at + 1)
    .split('&')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [decodeURIComponent(name), decodeURIComponent(value.join('='))];
    });
}

/** Percent-encoding as AWS wants it: everything but letters, digits and `-._~`. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function refuse(status: number, code: string, message: string, more?: Readonly<Record<string, string>>): Refusal {
  return more === undefined ? { status, code, message } : { status, code, message, more };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
