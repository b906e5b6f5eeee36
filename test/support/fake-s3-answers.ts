import type { ServerResponse } from 'node:http';
import { encode, type Refusal } from './fake-s3-signature.ts';

/** One row of a listing. */
export interface ListedObject {
  readonly key: string;
  readonly modifiedAt: number;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** A page of ListObjectsV2; `query` is the request's. */
export function listAnswer(all: readonly ListedObject[], query: ReadonlyMap<string, string>, mostKeys: number): string {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
  const most = Math.min(Number(query.get('max-keys') ?? 1000), mostKeys);
  const isUrlForm = query.get('encoding-type') === 'url';
  const found = all
    .filter(({ key }) => key.startsWith(prefix) && (after === '' || compare(key, after) > 0))
    .sort((a, b) => compare(a.key, b.key));
  const shown = (key: string): string => (isUrlForm ? urlForm(key) : xml(key));
  const page = found.slice(0, most);
  const isMore = found.length > page.length;
  return element('ListBucketResult', [
    element('Prefix', shown(prefix)),
    ...(isUrlForm ? [element('EncodingType', 'url')] : []),
    element('KeyCount', String(page.length)),
    element('MaxKeys', String(most)),
    element('IsTruncated', String(isMore)),
    ...(isMore ? [element('NextContinuationToken', Buffer.from(page.at(-1)?.key ?? '').toString('base64'))] : []),
    ...page.map((row) =>
      element('Contents', [
        element('Key', shown(row.key)),
        element('LastModified', new Date(row.modifiedAt).toISOString()),
        element('ETag', xml(row.etag)),
        element('Size', String(row.sizeBytes)),
      ]),
    ),
  ]);
}

/** Answers with AWS's form of an error. */
export function answerError(response: ServerResponse, refusal: Refusal): void {
  const { status, code, message, more = {} } = refusal;
  const parts = Object.entries({ Code: code, Message: message, ...more }).map(([name, text]) =>
    element(name, xml(text)),
  );
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(response.req.method === 'HEAD' ? undefined : document(element('Error', parts)));
}

/** The bytes that a `Range` header means (`end` exclusive); null when there is none. */
export function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (match === null) return null;
  const start = Number(match[1]);
  const end = match[2] === '' ? sizeBytes : Math.min(Number(match[2]) + 1, sizeBytes);
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

/** An XML element; its content is XML. */
export function element(name: string, content: string | readonly string[]): string {
  return `<${name}>${typeof content === 'string' ? content : content.join('')}</${name}>`;
}

/** An XML document. */
export function document(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

/** Text as XML. */
export function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** As AWS writes keys when asked for `encoding-type=url`: slashes stay, a space is a plus. */
function urlForm(key: string): string {
  return encode(key).replaceAll('%2F', '/').replaceAll('%20', '+');
}
