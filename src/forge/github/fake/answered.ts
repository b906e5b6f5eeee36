import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './call.ts';
import type { Refusal } from './refusal.ts';

/** An answer as it goes out, and what it cost whom. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly template: string | null;
  readonly key: string;
  readonly cost: number;
}

/** A request, as its answer needs it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly url: URL;
  readonly request: IncomingMessage;
}

type Paid = Pick<Answered, 'template' | 'key' | 'cost' | 'headers'>;

/** Bytes and headers of an answer; 304 when the client has it already. */
export function finish({ method, request, url }: Asked, made: Answer, paid: Paid): Answered {
  const { body, modifiedAt } = made;
  const isPlain = typeof body === 'string' || Buffer.isBuffer(body);
  const bytes = body === undefined ? Buffer.alloc(0) : isPlain ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  const status = made.status ?? (body === undefined ? 204 : 200);
  const headers: Record<string, string> = {
    ...paid.headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'x-github-media-type': 'github.v3; format=json',
    ...made.headers,
  };
  if (status !== 200 || (method !== 'GET' && method !== 'HEAD')) return { ...paid, status, headers, bytes };
  // The answer depends on who asks and how: so does its tag.
  const of = [request.headers.authorization ?? '', request.headers.accept ?? '', url.search, headers['link'] ?? ''];
  const etag = `W/"${createHash('sha256').update(JSON.stringify(of)).update(bytes).digest('hex')}"`;
  Object.assign(headers, {
    etag,
    'cache-control': 'private, max-age=60, s-maxage=60',
    vary: 'Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With',
    ...(modifiedAt === undefined ? {} : { 'last-modified': new Date(modifiedAt).toUTCString() }),
  });
  return isUnchanged(request, etag, modifiedAt)
    ? { ...paid, status: 304, headers, bytes: Buffer.alloc(0) }
    : { ...paid, status, headers, bytes };
}

function isUnchanged({ headers }: IncomingMessage, etag: string, modifiedAt: number | undefined): boolean {
  const tags = headers['if-none-match'];
  const strong = (tag: string): string => tag.trim().replace(/^W\//, '');
  if (tags !== undefined) return tags.trim() === '*' || tags.split(',').some((tag) => strong(tag) === strong(etag));
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return modifiedAt !== undefined && Math.floor(modifiedAt / 1000) * 1000 <= since;
}

/** A refusal as it goes out. */
export function refused(refusal: Refusal, paid: Paid): Answered {
  const { status, body } = refusal;
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const headers = { ...paid.headers, 'content-type': 'application/json; charset=utf-8', ...refusal.headers };
  return { ...paid, status, headers, bytes };
}

/** Sends it; `HEAD` gets the headers alone. */
export function send(response: ServerResponse, method: string, { status, headers, bytes }: Answered): void {
  response.writeHead(status, {
    ...headers,
    ...(status === 204 || status === 304 ? {} : { 'content-length': bytes.length }),
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}
