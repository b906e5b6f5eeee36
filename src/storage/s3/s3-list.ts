import { GroundcrewError } from '../../base/errors.ts';
import { isObjectKey } from '../object-key.ts';
import type { ObjectInfo } from '../object-store.ts';
import type { S3Caller } from './s3-caller.ts';
import type { S3Sdk } from './s3-sdk.ts';

/** AWS gives no more. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
const pageSize = 1000;

/**
 * The objects of `bucket` whose key begins with `folder` and then `prefix`, a page at a time; keys come without `folder`.
 * What others put there under names that are no keys of ours is left out.
 * @throws GroundcrewError `storage/bad-answer` when they do not come in the order of their bytes, or the same page twice.
 */
export async function* listObjects(
  by: { readonly sdk: S3Sdk; readonly caller: S3Caller },
  from: { readonly bucket: string; readonly folder: string; readonly prefix: string },
): AsyncGenerator<ObjectInfo> {
  const { sdk, caller } = by;
  const what = `list ${JSON.stringify(from.prefix)}`;
  let token: string | undefined;
  let last: Buffer | null = null;
  do {
    const input = {
      Bucket: from.bucket,
      Prefix: from.folder + from.prefix,
      MaxKeys: pageSize,
      // Keys may have characters that XML cannot.
      EncodingType: 'url' as const,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    };
    const page = await caller.ask(what, (client, abortSignal) =>
      client.send(new sdk.ListObjectsV2Command(input), { abortSignal }),
    );
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key === undefined || Size === undefined) continue;
      const whole = page.EncodingType === 'url' ? decodeKey(Key) : Key;
      const order = Buffer.from(whole);
      if (last !== null && Buffer.compare(last, order) >= 0) {
        throw new GroundcrewError('storage/bad-answer', `${what}: the store's list is not in order`);
      }
      last = order;
      if (!whole.startsWith(from.folder + from.prefix)) continue;
      const key = whole.slice(from.folder.length);
      if (isObjectKey(key)) yield { key, sizeBytes: Size, modifiedAt: LastModified?.getTime() ?? 0 };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** A space is a plus, a plus is `%2B`; some servers write a space as `%20`. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}
