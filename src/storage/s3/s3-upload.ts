import type { CompletedPart } from '@aws-sdk/client-s3';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { ObjectSource, PutOptions } from '../object-store.ts';
import { openSource, type OpenSource } from '../open-source.ts';
import type { S3Caller } from './s3-caller.ts';
import { isAbsent } from './s3-error.ts';
import type { S3Dialect } from './s3-options.ts';
import type { S3Sdk } from './s3-sdk.ts';

/**
 * Bodies up to this size go in one request, larger ones in parts of it. Two parts at once, so that an upload holds 16 MiB.
 * AWS takes parts from 5 MiB, and at most 10,000: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */
const partBytes = 8 * 1024 * 1024;
const mostParts = 10_000;
const partsAtOnce = 2;

/** Says which put made an object: a request whose answer was lost may have been carried out. */
const putMark = 'groundcrew-put';

/** An object's place. */
export interface S3Place {
  readonly Bucket: string;
  readonly Key: string;
}

/** What uploads need; `dialect` is known by then. */
export interface S3Uploads {
  readonly sdk: S3Sdk;
  readonly caller: S3Caller;
  readonly dialect: S3Dialect;
  readonly random: Random;
  readonly logger: Logger;
}

/** Stores `source`; false, and nothing changed, when it `mustBeNew` and is not. */
export async function upload(
  by: S3Uploads,
  place: S3Place,
  put: { readonly source: ObjectSource; readonly options: PutOptions; readonly mustBeNew: boolean },
): Promise<boolean> {
  const source = await openSource(put.source);
  try {
    const mark = by.random.hex(8);
    const { dialect } = by;
    // Asked also where the put itself would say so: nobody wants to send a large body for nothing.
    const isLookingFirst = put.mustBeNew && (!dialect.isConditional || source.sizeBytes > partBytes);
    if (isLookingFirst && (await headMark(by, place)) !== null) return false;
    const headers = {
      ...place,
      ...headersFor(put.options, dialect),
      Metadata: { [putMark]: mark },
    };
    const condition = put.mustBeNew && dialect.isConditional ? { IfNoneMatch: '*' } : {};
    const send = source.sizeBytes <= partBytes ? putWhole : putParts;
    return await send(by, source, { place, headers, condition, mark });
  } finally {
    await source.close();
  }
}

/** How an object is served, in the library's words. */
export interface S3Headers {
  readonly ContentType: string;
  readonly ContentDisposition?: string;
  readonly ACL?: 'public-read';
}

/** Content type, download flag and visibility as S3 has them. */
export function headersFor(options: PutOptions, dialect: S3Dialect): S3Headers {
  return {
    ContentType: options.contentType,
    ...(options.isDownload === true ? { ContentDisposition: 'attachment' } : {}),
    ...(dialect.takesAcl && options.visibility === 'public' ? { ACL: 'public-read' } : {}),
  };
}

interface Sending {
  readonly place: S3Place;
  readonly headers: S3Place & S3Headers & { readonly Metadata: Record<string, string> };
  readonly condition: { readonly IfNoneMatch?: string };
  readonly mark: string;
}

async function putWhole(by: S3Uploads, source: OpenSource, sending: Sending): Promise<boolean> {
  const { sdk, caller } = by;
  const { place, headers, condition, mark } = sending;
  const { sizeBytes } = source;
  const Body = await source.read(0, sizeBytes);
  const answer = await caller.call(
    (client, abortSignal) =>
      client.send(new sdk.PutObjectCommand({ ...headers, ...condition, Body, ContentLength: sizeBytes }), {
        abortSignal,
      }),
    { sizeBytes },
  );
  if (answer.isOk) return true;
  if (answer.failure.status !== 412) throw caller.error(`put ${JSON.stringify(place.Key)}`, answer.failure);
  return answer.tries > 1 && (await headMark(by, place)) === mark;
}

async function putParts(by: S3Uploads, source: OpenSource, sending: Sending): Promise<boolean> {
  const { sdk, caller, logger } = by;
  const { place, headers, condition, mark } = sending;
  const what = `put ${JSON.stringify(place.Key)}`;
  const { UploadId } = await caller.ask(what, (client, abortSignal) =>
    client.send(new sdk.CreateMultipartUploadCommand(headers), { abortSignal }),
  );
  const upload = { ...place, UploadId };
  let isOver = false;
  try {
    const Parts = await sendParts(by, source, { upload, what });
    const answer = await caller.call(
      (client, abortSignal) =>
        client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, ...condition, MultipartUpload: { Parts } }), {
          abortSignal,
        }),
      // AWS puts the parts together before it answers.
      { sizeBytes: source.sizeBytes / 100 },
    );
    if (answer.isOk) return (isOver = true);
    const { failure, tries } = answer;
    const isRefused = failure.status === 412;
    if ((isRefused || isAbsent(failure)) && tries > 1 && (await headMark(by, place)) === mark) return (isOver = true);
    if (isRefused) return false;
    throw caller.error(what, failure);
  } finally {
    if (!isOver) {
      const gone = await caller.call((client, abortSignal) =>
        client.send(new sdk.AbortMultipartUploadCommand(upload), { abortSignal }),
      );
      // It costs storage until a sweep, or a lifecycle rule of the bucket, removes it.
      if (!gone.isOk && !isAbsent(gone.failure)) {
        logger.warn('an upload that failed stays in the store', { key: place.Key, code: gone.failure.code });
      }
    }
  }
}

async function sendParts(
  by: S3Uploads,
  source: OpenSource,
  to: { readonly upload: S3Place & { readonly UploadId: string | undefined }; readonly what: string },
): Promise<CompletedPart[]> {
  const { sdk, caller } = by;
  const { sizeBytes } = source;
  const size = Math.max(partBytes, Math.ceil(sizeBytes / mostParts));
  const count = Math.ceil(sizeBytes / size);
  const parts: CompletedPart[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const sendSome = async (): Promise<void> => {
    // Used again for part after part: new ones would wait for the garbage collector.
    const block = Buffer.allocUnsafe(size);
    while (next < count && failures.length === 0) {
      const index = next++;
      const start = index * size;
      const Body = await source.read(start, Math.min(sizeBytes, start + size), block);
      const part = { ...to.upload, PartNumber: index + 1, Body, ContentLength: Body.length };
      const { ETag } = await caller.ask(
        to.what,
        (client, abortSignal) => client.send(new sdk.UploadPartCommand(part), { abortSignal }),
        { sizeBytes: Body.length },
      );
      parts[index] = { PartNumber: index + 1, ETag };
    }
  };
  const senders = Array.from({ length: Math.min(partsAtOnce, count) }, () =>
    sendSome().catch((error: unknown) => {
      failures.push(error);
    }),
  );
  // All of them end before the upload is given up: a part that arrives later would stay.
  await Promise.all(senders);
  if (failures.length > 0) throw failures[0];
  return parts;
}

/** Which put made the object under this key (`''` when none of ours); null when there is none. */
async function headMark(by: S3Uploads, place: S3Place): Promise<string | null> {
  const { sdk, caller, dialect } = by;
  const answer = await caller.call((client, abortSignal) =>
    client.send(new sdk.HeadObjectCommand(place), { abortSignal }),
  );
  if (answer.isOk) return answer.output.Metadata?.[putMark] ?? '';
  const { failure } = answer;
  if (isAbsent(failure) || (dialect.hidesAbsent && failure.status === 403)) return null;
  throw caller.error(`look for ${JSON.stringify(place.Key)}`, failure);
}
