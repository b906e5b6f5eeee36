import type { S3Caller } from './s3-caller.ts';
import { isAbsent } from './s3-error.ts';
import type { S3Sdk } from './s3-sdk.ts';

/** Gives up the large uploads below `folder` that began before `before` (epoch ms). Returns how many. */
export async function sweepUploads(
  by: { readonly sdk: S3Sdk; readonly caller: S3Caller },
  at: { readonly bucket: string; readonly folder: string; readonly before: number },
): Promise<number> {
  const { sdk, caller } = by;
  const what = 'give up old uploads';
  let swept = 0;
  let next: { KeyMarker?: string; UploadIdMarker?: string } | null = {};
  while (next !== null) {
    const input: ConstructorParameters<S3Sdk['ListMultipartUploadsCommand']>[0] = {
      Bucket: at.bucket,
      Prefix: at.folder,
      ...next,
    };
    const page = await caller.ask(what, (client, abortSignal) =>
      client.send(new sdk.ListMultipartUploadsCommand(input), { abortSignal }),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Initiated === undefined || Initiated.getTime() >= at.before) continue;
      const answer = await caller.call((client, abortSignal) =>
        client.send(new sdk.AbortMultipartUploadCommand({ Bucket: at.bucket, Key, UploadId }), { abortSignal }),
      );
      if (answer.isOk) swept++;
      else if (!isAbsent(answer.failure)) throw caller.error(what, answer.failure);
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    next =
      IsTruncated === true && NextKeyMarker !== undefined && NextUploadIdMarker !== undefined
        ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
        : null;
  }
  return swept;
}
