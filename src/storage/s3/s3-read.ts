import { Readable } from 'node:stream';
import { GroundcrewError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { ObjectRead } from '../object-store.ts';
import type { S3Caller } from './s3-caller.ts';
import { isAbsent, type S3Failure } from './s3-error.ts';
import type { S3Dialect, S3Pace } from './s3-options.ts';
import type { S3Sdk } from './s3-sdk.ts';
import type { S3Place } from './s3-upload.ts';
import { createSteadyBody, type BodyPiece } from './steady-body.ts';

/** What reads need. `dialect` is asked only where it matters. */
export interface S3Reads {
  readonly sdk: S3Sdk;
  readonly caller: S3Caller;
  readonly dialect: () => Promise<S3Dialect>;
  readonly clock: Clock;
  readonly pace: S3Pace;
}

/** Bytes asked for; `end` exclusive. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Reads an object, or a part of it. Null when there is none. */
export async function readObject(
  by: S3Reads,
  place: S3Place,
  range: { readonly start: number; readonly end?: number } | undefined,
): Promise<ObjectRead | null> {
  const span = { start: range?.start ?? 0, end: range?.end ?? Infinity };
  if (span.start >= span.end) return readNothing(by, place);
  const first = await openSpan(by, place, { span, etag: null });
  if (first === 'absent') return null;
  if (first === 'past the end') return readNothing(by, place);
  const { sizeBytes, etag } = first;
  const end = Math.min(span.end, sizeBytes);
  if (span.start >= end) {
    first.body.destroy();
    return { sizeBytes, ...kindOf(first), body: Readable.from([]) };
  }
  const what = `get ${JSON.stringify(place.Key)}`;
  const body = createSteadyBody({
    first,
    sizeBytes: end - span.start,
    tries: by.pace.tries,
    idleMs: by.pace.idleMs,
    clock: by.clock,
    what,
    again: async (readBytes) => {
      const rest = await openSpan(by, place, { span: { start: span.start + readBytes, end }, etag });
      if (typeof rest !== 'string') return rest;
      throw new GroundcrewError('storage/changed-while-read', `${what}: it was replaced meanwhile`, { retry: 'now' });
    },
  });
  return { sizeBytes, ...kindOf(first), body };
}

interface Opened extends BodyPiece {
  /** Of the whole object. */
  readonly sizeBytes: number;
  readonly etag: string | null;
  readonly contentType: string | undefined;
  readonly disposition: string | undefined;
}

async function openSpan(
  by: S3Reads,
  place: S3Place,
  wanted: { readonly span: Span; readonly etag: string | null },
): Promise<Opened | 'absent' | 'past the end'> {
  const { sdk, caller } = by;
  const { span, etag } = wanted;
  const isPart = span.start > 0 || span.end !== Infinity;
  const hasRange = isPart && (await by.dialect()).hasRanges;
  const input = {
    ...place,
    ...(hasRange ? { Range: rangeHeader(span) } : {}),
    ...(etag === null ? {} : { IfMatch: etag }),
  };
  const answer = await caller.call((client, abortSignal) =>
    client.send(new sdk.GetObjectCommand(input), { abortSignal }),
  );
  const what = `get ${JSON.stringify(place.Key)}`;
  if (!answer.isOk) {
    const { failure } = answer;
    if (failure.status === 416) return 'past the end';
    if (failure.status === 412 || (await isNotThere(by, failure))) return 'absent';
    throw caller.error(what, failure);
  }
  const { Body, ContentLength, ContentRange, ContentType, ContentDisposition, ETag, $metadata } = answer.output;
  if (!(Body instanceof Readable)) throw bad(what, 'an answer without a body');
  try {
    if (ContentLength === undefined) throw bad(what, 'an answer without a length');
    const kind = {
      body: Body,
      lengthBytes: ContentLength,
      etag: ETag ?? null,
      contentType: ContentType,
      disposition: ContentDisposition,
    };
    if ($metadata.httpStatusCode !== 206) {
      // The whole object: asked for, or given by a server that does not do ranges.
      return { ...kind, skipBytes: Math.min(span.start, ContentLength), sizeBytes: ContentLength };
    }
    return { ...kind, skipBytes: 0, sizeBytes: checkedSize(what, span, { ContentRange, ContentLength }) };
  } catch (error) {
    Body.destroy();
    throw error;
  }
}

function rangeHeader({ start, end }: Span): string {
  return end === Infinity ? `bytes=${String(start)}-` : `bytes=${String(start)}-${String(end - 1)}`;
}

/** The whole size, when the part that came is the part asked for. */
function checkedSize(
  what: string,
  span: Span,
  said: { readonly ContentRange: string | undefined; readonly ContentLength: number },
): number {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(said.ContentRange ?? '');
  const [from, to, sizeBytes] = match === null ? [NaN, NaN, NaN] : match.slice(1).map(Number);
  const end = Math.min(span.end, sizeBytes ?? NaN);
  const isRight = from === span.start && to === end - 1 && said.ContentLength === end - span.start;
  if (!isRight || sizeBytes === undefined) {
    throw bad(what, `another range than asked for (${rangeHeader(span)}): ${JSON.stringify(said.ContentRange)}`);
  }
  return sizeBytes;
}

/** Without permission to list, a server says 403 of what is not there: whether it does so was found out by trying. */
async function isNotThere(by: S3Reads, failure: S3Failure): Promise<boolean> {
  if (isAbsent(failure)) return true;
  const isForbidden = failure.status === 403 && (failure.code === 'AccessDenied' || failure.code === 'status 403');
  return isForbidden && (await by.dialect()).hidesAbsent;
}

async function readNothing(by: S3Reads, place: S3Place): Promise<ObjectRead | null> {
  const { sdk, caller } = by;
  const answer = await caller.call((client, abortSignal) =>
    client.send(new sdk.HeadObjectCommand(place), { abortSignal }),
  );
  if (!answer.isOk) {
    if (await isNotThere(by, answer.failure)) return null;
    throw caller.error(`look for ${JSON.stringify(place.Key)}`, answer.failure);
  }
  const { ContentLength, ContentType, ContentDisposition } = answer.output;
  const kind = kindOf({ contentType: ContentType, disposition: ContentDisposition });
  return { sizeBytes: ContentLength ?? 0, ...kind, body: Readable.from([]) };
}

function kindOf(said: { readonly contentType: string | undefined; readonly disposition: string | undefined }) {
  return {
    contentType: said.contentType ?? 'application/octet-stream',
    isDownload: /^attachment/i.test(said.disposition ?? ''),
  };
}

function bad(what: string, why: string): GroundcrewError {
  return new GroundcrewError('storage/bad-answer', `${what}: the store gave ${why}`, { retry: 'later' });
}
