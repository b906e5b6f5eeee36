import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { signatureOf, timeOf, type Gatekeeper, type Refusal } from './fake-s3-signature.ts';
import type { ReceivedBody } from './fake-s3-uploads.ts';

/** AWS: "the form data and boundaries (excluding the contents of the file) cannot exceed 20 KB". */
const mostFieldBytes = 20 * 1024;
const largestObjectBytes = 5 * 1024 ** 3;
const skewMostMs = 15 * 60_000;

/** What a form that was let in puts. */
export interface PostedForm {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly hasAcl: boolean;
  readonly body: ReceivedBody;
}

/**
 * POST Object as AWS describes it, written from the description and from nothing that the product uses. Names of fields are
 * in small letters here; a file that is followed by more fields is refused, which AWS does not.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html and `sigv4-HTTPPOSTConstructPolicy.html`
 */
export async function receiveForm(
  at: { readonly dir: string; readonly bucket: string },
  request: IncomingMessage,
  gate: Gatekeeper,
): Promise<PostedForm | Refusal> {
  const boundary = /^multipart\/form-data; boundary="?([^";]+)"?$/.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined)
    return { status: 412, code: 'PreconditionFailed', message: 'must be multipart/form-data' };
  const total = Number(request.headers['content-length']);
  if (!Number.isInteger(total))
    return { status: 411, code: 'MissingContentLength', message: 'Content-Length is needed' };
  const chunks = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  let form: FormHead | null = null;
  while (form === null) {
    const next = await chunks.next();
    if (next.done === true) return { status: 400, code: 'MalformedPOSTRequest', message: 'there is no file' };
    head = Buffer.concat([head, next.value]);
    form = fieldsIn(head, boundary);
    if (form === null && head.length > mostFieldBytes) {
      return { status: 400, code: 'MaxPostPreDataLengthExceededError', message: 'more than 20 KB before the file' };
    }
  }
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const sizeBytes = total - form.fileAt - end.length;
  const refusal = checkForm(form.fields, { ...at, sizeBytes }, gate);
  const file = join(at.dir, randomUUID());
  const first = head.subarray(form.fileAt);
  const md5 = createHash('md5');
  let seen = 0;
  let tail = Buffer.alloc(0);
  const content = async function* (): AsyncGenerator<Buffer> {
    for (let part: Buffer | null = first; part !== null;) {
      const rest = Math.max(0, sizeBytes - seen);
      const mine = part.subarray(0, rest);
      seen += mine.length;
      tail = Buffer.concat([tail, part.subarray(mine.length)]);
      md5.update(mine);
      yield mine;
      const next: IteratorResult<Buffer> = await chunks.next();
      part = next.done === true ? null : next.value;
    }
  };
  await pipeline(content(), createWriteStream(file));
  const isWhole = seen === sizeBytes && tail.equals(end);
  if (refusal !== null || !isWhole) {
    await rm(file);
    return refusal ?? { status: 400, code: 'MalformedPOSTRequest', message: 'the body is not well-formed' };
  }
  const field = (name: string): string => form.fields.get(name) ?? '';
  return {
    key: field('key'),
    headers: { 'content-type': field('content-type'), 'content-disposition': field('content-disposition') },
    hasAcl: form.fields.has('acl'),
    body: { file, sizeBytes, etag: `"${md5.digest('hex')}"` },
  };
}

interface FormHead {
  readonly fields: ReadonlyMap<string, string>;
  readonly fileAt: number;
}

/** The fields before the file, and where the file begins; null when that has not come yet. */
function fieldsIn(head: Buffer, boundary: string): FormHead | null {
  const text = head.toString('latin1');
  const fields = new Map<string, string>();
  let at = 0;
  for (;;) {
    const opening = `${at === 0 ? '' : '\r\n'}--${boundary}\r\n`;
    if (!text.startsWith(opening, at)) return null;
    const bodyAt = text.indexOf('\r\n\r\n', at) + 4;
    if (bodyAt < 4) return null;
    const name = /name="([^"]*)"/.exec(text.slice(at + opening.length, bodyAt))?.[1]?.toLowerCase() ?? '';
    if (name === 'file') return { fields, fileAt: bodyAt };
    const end = text.indexOf(`\r\n--${boundary}`, bodyAt);
    if (end < 0) return null;
    fields.set(name, Buffer.from(text.slice(bodyAt, end), 'latin1').toString());
    at = end;
  }
}

const denied = (message: string): Refusal => ({ status: 403, code: 'AccessDenied', message });
const failed = (condition: unknown): Refusal =>
  denied(`Invalid according to Policy: Policy Condition failed: ${JSON.stringify(condition)}`);

/** Signature, expiry, every condition, and that no field is without one. */
export function checkForm(
  fields: ReadonlyMap<string, string>,
  about: { readonly bucket: string; readonly sizeBytes: number },
  gate: Gatekeeper,
): Refusal | null {
  const field = (name: string): string => fields.get(name) ?? '';
  const text = field('policy');
  if (text === '') return denied('Access Denied');
  const [keyId = '', date = '', region = '', ...end] = field('x-amz-credential').split('/');
  if (
    field('x-amz-algorithm') !== 'AWS4-HMAC-SHA256' ||
    end.join('/') !== 's3/aws4_request' ||
    region !== gate.region
  ) {
    return { status: 400, code: 'AuthorizationQueryParametersError', message: 'the credential is malformed' };
  }
  const secret = gate.keys.get(keyId);
  if (secret === undefined) return { status: 403, code: 'InvalidAccessKeyId', message: 'there is no such key' };
  const expected = Buffer.from(signatureOf(text, { secret, date, region }));
  const given = Buffer.from(field('x-amz-signature'));
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
    return { status: 403, code: 'SignatureDoesNotMatch', message: 'The signature does not match.' };
  }
  const signedAt = timeOf(field('x-amz-date'));
  if (!field('x-amz-date').startsWith(date) || Number.isNaN(signedAt) || signedAt - gate.nowMs() > skewMostMs) {
    return denied('Request is not valid yet');
  }
  const policy = JSON.parse(Buffer.from(text, 'base64').toString()) as {
    readonly expiration: string;
    readonly conditions: readonly (
      Readonly<Record<string, string>> | readonly [string, string | number, string | number]
    )[];
  };
  if (!(Date.parse(policy.expiration) > gate.nowMs())) return denied('Invalid according to Policy: Policy expired.');
  const covered = new Set(['x-amz-signature', 'policy', 'file']);
  const sent = new Map([...fields, ['bucket', about.bucket]]);
  for (const condition of policy.conditions) {
    if (!isList(condition)) {
      for (const [name, value] of Object.entries(condition)) {
        covered.add(name.toLowerCase());
        if (sent.get(name.toLowerCase()) !== value) return failed(condition);
      }
      continue;
    }
    const [kind, subject, wanted] = condition;
    if (kind === 'content-length-range') {
      if (about.sizeBytes > Math.min(Number(wanted), largestObjectBytes)) {
        return {
          status: 400,
          code: 'EntityTooLarge',
          message: 'Your proposed upload exceeds the maximum allowed size',
        };
      }
      if (about.sizeBytes < Number(subject)) {
        return { status: 400, code: 'EntityTooSmall', message: 'Your proposed upload is smaller than the minimum' };
      }
      continue;
    }
    const name = String(subject).replace(/^\$/, '').toLowerCase();
    covered.add(name);
    const value = sent.get(name);
    const isMet =
      value !== undefined &&
      (kind === 'eq' ? value === wanted : kind === 'starts-with' && value.startsWith(String(wanted)));
    if (!isMet) return failed(condition);
  }
  const extra = [...fields.keys()].filter((name) => !covered.has(name) && !name.startsWith('x-ignore-'));
  return extra.length === 0 ? null : denied(`Invalid according to Policy: Extra input fields: ${extra.join(', ')}`);
}

function isList<T>(
  condition: T | readonly unknown[],
): condition is T & readonly [string, string | number, string | number] {
  return Array.isArray(condition);
}
