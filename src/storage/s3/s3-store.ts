import type { S3Client } from '@aws-sdk/client-s3';
import { GroundcrewError } from '../../base/errors.ts';
import { createLanes } from '../../base/lanes.ts';
import type { StoreGrant } from '../../core/grant.ts';
import { checkKey, longestKeyBytes } from '../object-key.ts';
import type { ObjectRead, ObjectSource, ObjectStore, PutOptions } from '../object-store.ts';
import { probePrefix } from '../probe-prefix.ts';
import { findDialect } from './find-dialect.ts';
import { createS3Caller, type S3Caller } from './s3-caller.ts';
import { isAbsent } from './s3-error.ts';
import { mostFormBytes, signForm, signForms } from './s3-form.ts';
import { listObjects } from './s3-list.ts';
import { defaultPace, type S3Dialect, type S3Pace, type S3StoreOptions } from './s3-options.ts';
import { readObject } from './s3-read.ts';
import { createS3Client, loadS3Sdk, type S3Sdk } from './s3-sdk.ts';
import { sweepUploads } from './s3-sweep.ts';
import { headersFor, upload, type S3Place } from './s3-upload.ts';

/** AWS signs no longer. https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html */
const longestValidSeconds = 7 * 24 * 3600;

/** An address that takes one object, and the headers that must come with it, to the letter. */
export interface PutAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A signed form, as `StoreGrant` has it. */
export type S3Form = StoreGrant & { readonly kind: 's3-form' };

/** An object store in an S3 bucket. */
export interface S3Store extends ObjectStore {
  /**
   * Finds out by trying how this store differs, once; later calls give what was found. `put` does it by itself where nobody
   * did before.
   * @throws GroundcrewError when the store cannot be used: `storage/unavailable`, `storage/forbidden` …
   */
  dialect(): Promise<S3Dialect>;
  /**
   * For somebody without keys: one PUT of this object, for `validMs` (7 days at most, and no longer than lent keys hold). The
   * size is signed, so that nobody sends more.
   */
  putAddress(
    key: string,
    options: PutOptions & { readonly sizeBytes: number; readonly validMs: number },
  ): Promise<PutAddress>;
  /**
   * For somebody without keys: as many objects as they like below `prefix` (without a slash at its end), for `validMs` (7 days at
   * most, and no longer than lent keys hold). Public where the store takes ACLs.
   */
  form(
    prefix: string,
    validMs: number,
    isTyped?: boolean,
  ): Promise<{ readonly form: S3Form; readonly validMs: number }>;
  /** Gives up large uploads that began, and removes trials' objects that were put, more than `olderThanMs` ago: a killed process leaves them. Returns how many. */
  sweep(olderThanMs: number): Promise<number>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/**
 * Opens one; speaks to nobody yet, so that a store that is away keeps nobody from starting. Requests are tried again as
 * `pace` says; errors are `storage/…` with advice. Where the store overlooks `If-None-Match`, put-if-absent looks first and
 * then puts: exact among the calls of one process, not among several.
 */
export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  const sdk = await loadS3Sdk();
  const pace = { ...defaultPace, ...options.pace };
  return new Bucket(sdk, createS3Client(sdk, options, pace), { ...options, pace });
}

class Bucket implements S3Store {
  readonly #sdk: S3Sdk;
  readonly #client: S3Client;
  readonly #caller: S3Caller;
  readonly #options: S3StoreOptions & { readonly pace: S3Pace };
  #dialect: Promise<S3Dialect> | null;
  /** Puts-if-absent of one key wait for each other, for the stores that do not see to it. */
  readonly #lanes = createLanes();

  constructor(sdk: S3Sdk, client: S3Client, options: S3StoreOptions & { readonly pace: S3Pace }) {
    this.#sdk = sdk;
    this.#client = client;
    this.#options = options;
    this.#caller = createS3Caller(client, options);
    this.#dialect = options.dialect === null ? null : Promise.resolve(options.dialect);
  }

  dialect(): Promise<S3Dialect> {
    const { bucket, prefix: folder, random, logger } = this.#options;
    if (this.#dialect === null) {
      const found = findDialect({ sdk: this.#sdk, caller: this.#caller, random, logger }, { bucket, folder });
      this.#dialect = found;
      // What was not found is looked for again by the next.
      found.catch(() => {
        if (this.#dialect === found) this.#dialect = null;
      });
    }
    return this.#dialect;
  }

  async put(key: string, source: ObjectSource, options: PutOptions): Promise<void> {
    await this.#upload(key, { source, options, mustBeNew: false });
  }

  putIfAbsent(key: string, source: ObjectSource, options: PutOptions): Promise<boolean> {
    return this.#lanes.run(key, () => this.#upload(key, { source, options, mustBeNew: true }));
  }

  async get(key: string, range?: { readonly start: number; readonly end?: number }): Promise<ObjectRead | null> {
    const { clock, pace } = this.#options;
    const by = { sdk: this.#sdk, caller: this.#caller, dialect: () => this.dialect(), clock, pace };
    return readObject(by, this.#place(key), range);
  }

  list(prefix: string): ReturnType<ObjectStore['list']> {
    const { bucket, prefix: folder } = this.#options;
    return listObjects({ sdk: this.#sdk, caller: this.#caller }, { bucket, folder, prefix });
  }

  async delete(key: string): Promise<void> {
    const place = this.#place(key);
    const answer = await this.#caller.call((client, abortSignal) =>
      client.send(new this.#sdk.DeleteObjectCommand(place), { abortSignal }),
    );
    if (answer.isOk || isAbsent(answer.failure)) return;
    throw this.#caller.error(`delete ${JSON.stringify(key)}`, answer.failure);
  }

  async address(key: string, validMs: number): Promise<string> {
    const place = this.#place(key);
    const { publicUrl } = this.#options;
    if (publicUrl !== null) return publicUrl + place.Key.split('/').map(encodeURIComponent).join('/');
    return this.#sign(validMs, [], (how) =>
      this.#sdk.getSignedUrl(this.#client, new this.#sdk.GetObjectCommand(place), how),
    );
  }

  async putAddress(
    key: string,
    options: PutOptions & { readonly sizeBytes: number; readonly validMs: number },
  ): Promise<PutAddress> {
    const place = this.#place(key);
    const kind = headersFor(options, await this.dialect());
    const input = { ...place, ...kind, ContentLength: options.sizeBytes };
    const headers: Record<string, string> = {
      'content-type': options.contentType,
      'content-length': String(options.sizeBytes),
      ...(kind.ContentDisposition === undefined ? {} : { 'content-disposition': kind.ContentDisposition }),
      ...(kind.ACL === undefined ? {} : { 'x-amz-acl': kind.ACL }),
    };
    const url = await this.#sign(options.validMs, Object.keys(headers), (how) =>
      this.#sdk.getSignedUrl(this.#client, new this.#sdk.PutObjectCommand(input), how),
    );
    return { url, headers };
  }

  async form(
    prefix: string,
    validMs: number,
    isTyped = true,
  ): Promise<{ readonly form: S3Form; readonly validMs: number }> {
    const { bucket, region, keys: ownKeys } = this.#options;
    const { takesAcl } = await this.dialect();
    const place = this.#place(prefix);
    const what = 'sign a form';
    const keys = await this.#caller.ask(what, (client) => client.config.credentials());
    const anObject = await this.#sign(1000, [], (how) =>
      this.#sdk.getSignedUrl(this.#client, new this.#sdk.GetObjectCommand({ Bucket: bucket, Key: 'x' }), how),
    );
    // Where our clock was found wrong, the store's counts.
    const signedAt = Date.now() + this.#client.config.systemClockOffset;
    // Our own keys say that they expire at once, so that each request asks for them.
    const heldMs = ownKeys === null ? (keys.expiration?.getTime() ?? Infinity) - signedAt : Infinity;
    const term = Math.max(1000, Math.min(validMs, longestValidSeconds * 1000, heldMs));
    const terms = {
      bucket,
      region,
      keyPrefix: `${place.Key}/`,
      maxObjectBytes: mostFormBytes,
      acl: takesAcl ? 'public-read' : null,
      keys: {
        accessKeyId: keys.accessKeyId,
        secretAccessKey: keys.secretAccessKey,
        ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken }),
      },
      signedAt,
      validMs: term,
    } as const;
    const signed = isTyped ? signForms(terms) : { fields: signForm({ ...terms, kind: null }) };
    // The bucket's own address, however it is addressed.
    const url = anObject.split('?', 1)[0]?.replace(/x$/, '') ?? '';
    return { form: { kind: 's3-form', url, ...signed, maxObjectBytes: mostFormBytes }, validMs: term };
  }

  async sweep(olderThanMs: number): Promise<number> {
    const { bucket, prefix: folder, clock } = this.#options;
    const by = { sdk: this.#sdk, caller: this.#caller };
    const before = clock.now() - olderThanMs;
    let swept = await sweepUploads(by, { bucket, folder, before });
    for await (const { key, modifiedAt } of this.list(probePrefix)) {
      if (modifiedAt === 0 || modifiedAt >= before) continue;
      await this.delete(key);
      swept++;
    }
    return swept;
  }

  close(): Promise<void> {
    this.#caller.close();
    return Promise.resolve();
  }

  async #upload(key: string, put: Parameters<typeof upload>[2]): Promise<boolean> {
    const place = this.#place(key);
    const { random, logger } = this.#options;
    const by = { sdk: this.#sdk, caller: this.#caller, dialect: await this.dialect(), random, logger };
    return upload(by, place, put);
  }

  #place(key: string): S3Place {
    checkKey(key);
    const { bucket, prefix } = this.#options;
    if (Buffer.byteLength(prefix + key) <= longestKeyBytes) return { Bucket: bucket, Key: prefix + key };
    const message = `too long a name below ${JSON.stringify(prefix)}: ${JSON.stringify(key.slice(0, 200))}`;
    throw new GroundcrewError('storage/bad-key', message);
  }

  /** `headers` must be sent with the request as they were signed. */
  async #sign(
    validMs: number,
    headers: readonly string[],
    sign: (how: NonNullable<Parameters<S3Sdk['getSignedUrl']>[2]>) => Promise<string>,
  ): Promise<string> {
    const expiresIn = Math.min(Math.max(1, Math.ceil(validMs / 1000)), longestValidSeconds);
    // Where our clock was found wrong, the store's counts here as well.
    const signingDate = new Date(Date.now() + this.#client.config.systemClockOffset);
    const names = new Set(headers);
    return this.#caller.ask('sign an address', () =>
      sign({ expiresIn, signingDate, signableHeaders: names, unhoistableHeaders: names }),
    );
  }
}
