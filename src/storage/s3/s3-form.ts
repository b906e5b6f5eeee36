import { createHmac } from 'node:crypto';
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
}

/**
 * The fields of a POST form (POST Object) that puts objects below one prefix. Besides them, before `file`, whoever uses it
 * has to send `Content-Type` and `Content-Disposition`: a policy must name every field, and a form miss none. `key` is where keys
 * begin; the rest is to be added.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
 */
export function signForm(terms: FormTerms): Readonly<Record<string, string>> {
  const { keys, acl } = terms;
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
    ['starts-with', '$Content-Type', ''],
    ['starts-with', '$Content-Disposition', ''],
    ['content-length-range', 0, terms.maxObjectBytes],
    ...Object.entries(fixed).map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = new Date(terms.signedAt + terms.validMs).toISOString();
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
  const signature = signPolicy(policy, { secret: keys.secretAccessKey, date, region: terms.region });
  return { ...fixed, key: terms.keyPrefix, policy, 'x-amz-signature': signature };
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
