import { createHmac } from 'node:crypto';
import type { FormKind, TypedForm } from '../../core/grant.ts';
import type { S3Keys } from './s3-options.ts';

/** AWS takes no larger object in one request. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const mostFormBytes = 5 * 1024 ** 3;

/** What a form permits. */
export interface FormTerms {
  readonly bucket: string;
  readonly region: string;
  /** Every key that begins with it. */
  readonly keyPrefix: string;
  readonly maxObjectBytes: number;
  /** `public-read` where the store takes ACLs; null: the field is not allowed. */
  readonly acl: 'public-read' | null;
  readonly keys: S3Keys;
  /** By the store's clock, epoch ms. */
  readonly signedAt: number;
  readonly validMs: number;
  /** What of; null: whatever. */
  readonly kind: FormKind | null;
}

/** Pictures that a browser draws and nothing else; SVG is a document with scripts, and so a download. */
const pixels = 'apng avif bmp gif x-icon jpeg png webp'.split(' ');

/**
 * All that a worker writes. What a browser shows in place is inert and named to the letter; everything else has to be a download, of
 * whatever type: so nobody who may write runs anything in the store's origin.
 */
export const formKinds: readonly FormKind[] = [
  ...['text/plain; charset=utf-8', 'application/json', ...pixels.map((kind) => `image/${kind}`)].map((contentType) => ({
    contentType,
    disposition: 'inline' as const,
  })),
  { contentType: null, disposition: 'attachment' },
];

/**
 * The fields of a POST form (POST Object) that puts objects below one prefix. Besides them, before `file`, whoever uses it
 * has to send `Content-Type` and `Content-Disposition`: a policy must name every field, and a form miss none. `key` is where keys
 * begin; the rest is to be added. A policy joins its conditions with _and_, so there is one for each kind.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
export function signForm(terms: FormTerms): Readonly<Record<string, string>> {
  const { keys, acl, kind } = terms;
  const at = new Date(terms.signedAt).toISOString().replace(/[-:]|\.\d+/g, '');
  const date = at.slice(0, 8);
  const fixed = {
    ...(acl === null ? {} : { acl }),
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${keys.accessKeyId}/${date}/${terms.region}/s3/aws4_request`,
    'x-amz-date': at,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
  };
  const conditions = [
    { bucket: terms.bucket },
    ['starts-with', '$key', terms.keyPrefix],
    typeof kind?.contentType === 'string' ? { 'Content-Type': kind.contentType } : ['starts-with', '$Content-Type', ''],
    kind === null ? ['starts-with', '$Content-Disposition', ''] : { 'Content-Disposition': kind.disposition },
    ['content-length-range', 0, terms.maxObjectBytes],
    ...Object.entries(fixed).map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = new Date(terms.signedAt + terms.validMs).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
  const signature = signPolicy(policy, { secret: keys.secretAccessKey, date, region: terms.region });
  return { ...fixed, key: terms.keyPrefix, policy, 'x-amz-signature': signature };
}

/** A form for each of `formKinds`, and what they have in common. */
export function signForms(terms: Omit<FormTerms, 'kind'>): {
  readonly fields: Readonly<Record<string, string>>;
  readonly forms: readonly TypedForm[];
} {
  let common: Readonly<Record<string, string>> = {};
  const forms = formKinds.map((kind) => {
    const { policy = '', 'x-amz-signature': signature = '', ...fields } = signForm({ ...terms, kind });
    common = fields;
    return { ...kind, policy, signature };
  });
  return { fields: common, forms };
}

/** The signature of a policy, hex; `date` is `YYYYMMDD`. */
export function signPolicy(
  policy: string,
  by: { readonly secret: string; readonly date: string; readonly region: string },
): string {
  const key = [by.date, by.region, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${by.secret}`));
  return hmac(key, policy).toString('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
