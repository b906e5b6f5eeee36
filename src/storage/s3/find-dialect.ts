import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { probePrefix } from '../probe-prefix.ts';
import type { S3Answer, S3Caller } from './s3-caller.ts';
import { isAbsent, type S3Failure } from './s3-error.ts';
import type { S3Dialect } from './s3-options.ts';
import type { S3Sdk } from './s3-sdk.ts';
import type { S3Place } from './s3-upload.ts';

const probeText = 'groundcrew: may be deleted\n';
/** A server is known that gives the first bytes instead of these. */
const rangeStart = 6;

/**
 * Finds out how a store differs by trying, with one small object below `folder` that is deleted afterwards: seven requests.
 * @throws GroundcrewError when it cannot be written, read and deleted.
 */
export async function findDialect(
  by: { readonly sdk: S3Sdk; readonly caller: S3Caller; readonly random: Random; readonly logger: Logger },
  at: { readonly bucket: string; readonly folder: string },
): Promise<S3Dialect> {
  const { sdk, caller, logger } = by;
  const name = `${at.folder}${probePrefix}${by.random.hex(8)}`;
  const place: S3Place = { Bucket: at.bucket, Key: name };
  const what = `try out the store with ${JSON.stringify(name)}`;
  const put = (more: { readonly ACL?: 'public-read'; readonly IfNoneMatch?: string }) =>
    caller.call((client, abortSignal) =>
      client.send(new sdk.PutObjectCommand({ ...place, ...more, Body: probeText, ContentType: 'text/plain' }), {
        abortSignal,
      }),
    );

  mustBeOk(caller, what, await put({}));
  try {
    const takesAcl = isTaken(caller, what, await put({ ACL: 'public-read' }));
    const conditional = await put({ IfNoneMatch: '*' });
    // 501 and 400 are servers that know the header and refuse it.
    if (!conditional.isOk && ![400, 409, 412, 501].includes(conditional.failure.status)) {
      throw caller.error(what, conditional.failure);
    }
    const isConditional = !conditional.isOk && [409, 412].includes(conditional.failure.status);
    const dialect = {
      takesAcl,
      isConditional,
      hasRanges: await hasRanges(by, place, what),
      hidesAbsent: await hidesAbsent(by, { ...place, Key: `${name}-absent` }, what),
    };
    logger.info('the store was tried out', { bucket: at.bucket, ...dialect });
    return dialect;
  } finally {
    const gone = await caller.call((client, abortSignal) =>
      client.send(new sdk.DeleteObjectCommand(place), { abortSignal }),
    );
    if (!gone.isOk) logger.warn('an object of a trial stays in the store', { key: name, code: gone.failure.code });
  }
}

function mustBeOk(caller: S3Caller, what: string, answer: S3Answer<unknown>): void {
  if (!answer.isOk) throw caller.error(what, answer.failure);
}

/** 400 is a bucket without ACLs, 403 a key that may put objects and not say who reads them, 501 a server without. */
function isTaken(caller: S3Caller, what: string, answer: S3Answer<unknown>): boolean {
  if (answer.isOk) return true;
  if ([400, 403, 501].includes(answer.failure.status)) return false;
  throw caller.error(what, answer.failure);
}

async function hasRanges(
  by: { readonly sdk: S3Sdk; readonly caller: S3Caller },
  place: S3Place,
  what: string,
): Promise<boolean> {
  const { sdk, caller } = by;
  const { Body, $metadata } = await caller.ask(what, (client, abortSignal) =>
    client.send(new sdk.GetObjectCommand({ ...place, Range: `bytes=${String(rangeStart)}-` }), { abortSignal }),
  );
  const text = Body instanceof Readable ? (await buffer(Body)).toString() : '';
  return $metadata.httpStatusCode === 206 && text === probeText.slice(rangeStart);
}

async function hidesAbsent(
  by: { readonly sdk: S3Sdk; readonly caller: S3Caller },
  place: S3Place,
  what: string,
): Promise<boolean> {
  const { sdk, caller } = by;
  const answer = await caller.call((client, abortSignal) =>
    client.send(new sdk.HeadObjectCommand(place), { abortSignal }),
  );
  const failure: S3Failure | null = answer.isOk ? null : answer.failure;
  if (failure !== null && failure.status !== 403 && !isAbsent(failure)) throw caller.error(what, failure);
  return failure?.status === 403;
}
