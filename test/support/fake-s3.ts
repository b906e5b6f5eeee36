import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { answerError, document, element, listAnswer, rangeOf, xml } from './fake-s3-answers.ts';
import type { FakeS3Dialect, FakeS3Fault, FakeS3Request } from './fake-s3-dialect.ts';
import { checkSignature, queryOf, type Gatekeeper, type Refusal } from './fake-s3-signature.ts';
import { receiveForm } from './fake-s3-form.ts';
import { FakeS3Uploads, receiveBody, type ReceivedBody } from './fake-s3-uploads.ts';
import { openTempDir, removeTempDir, type CleansUp } from './temp-dir.ts';

/** An object as it is kept: its body is in a file. */
export interface StoredObject extends ReceivedBody {
  readonly modifiedAt: number;
  readonly headers: Readonly<Record<string, string>>;
}

const xmlType = { 'content-type': 'application/xml' };
const keptHeaders = ['content-type', 'content-disposition', 'content-encoding', 'cache-control'];

/** Starts one for a test and stops it afterwards. */
export async function openFakeS3(
  context: CleansUp,
  options: { readonly dialect?: Partial<FakeS3Dialect>; readonly nowMs?: () => number } = {},
): Promise<FakeS3> {
  const fake = new FakeS3(await openTempDir(), options.nowMs ?? Date.now, {
    takesAcl: false,
    isConditional: true,
    ranges: 'right',
    mayList: true,
    ...options.dialect,
  });
  // Tests look for it in every process of this machine, where others may run.
  fake.secretAccessKey = `fake/secret+${randomBytes(12).toString('hex')}`;
  await fake.listen();
  context.after(() => fake.close());
  return fake;
}

/**
 * An S3 server that refuses what AWS refuses: signatures that are wrong, too old or for another region, unsigned headers,
 * ACLs, a taken key, parts that are too small or unknown. Bodies lie on the disk. Buckets are named by path or by host
 * (`ci-logs.localhost`); there is one, `ci-logs`. Made for the calls of `src/storage/s3`, no others.
 */
export class FakeS3 {
  readonly bucket = 'ci-logs';
  readonly region = 'eu-central-1';
  readonly accessKeyId = 'AKIAFAKEFAKEFAKEFAKE';
  /** One that has to be known elsewhere, or after a restart, keeps this. */
  secretAccessKey = 'fake/secret+of-the-fake-server';
  /** Every request so far, refused ones too. */
  readonly requests: FakeS3Request[] = [];
  readonly objects: Map<string, StoredObject>;
  readonly uploads: FakeS3Uploads;
  pageSize = 1000;
  /** Asked for each request; null lets it pass. */
  fault: (request: FakeS3Request) => FakeS3Fault | null = () => null;
  readonly #dir: string;
  readonly #nowMs: () => number;
  readonly #dialect: FakeS3Dialect;
  readonly #server: Server;

  /** `objects`: what an earlier life kept, and where this one keeps it. */
  constructor(dir: string, nowMs: () => number, dialect: FakeS3Dialect, objects = new Map<string, StoredObject>()) {
    this.#dir = dir;
    this.objects = objects;
    this.uploads = new FakeS3Uploads(dir);
    this.#nowMs = nowMs;
    this.#dialect = dialect;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        if (!response.headersSent)
          answerError(response, { status: 500, code: 'InternalError', message: String(error) });
        else response.destroy();
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await removeTempDir(this.#dir);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers });
    response.setHeader('date', new Date(this.#nowMs()).toUTCString());
    response.setHeader('x-amz-request-id', 'FAKE');
    const fault = this.fault({ method, url, headers });
    if (fault === 'stall') return;
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    const gate: Gatekeeper = {
      region: this.region,
      keys: new Map([[this.accessKeyId, this.secretAccessKey]]),
      nowMs: this.#nowMs,
    };
    if (
      (fault === null || fault === 'cut-after') &&
      method === 'POST' &&
      (headers['content-type'] ?? '').startsWith('multipart/form-data')
    ) {
      await this.#form(request, response, { gate, fault });
      return;
    }
    const passed = fault !== null && typeof fault === 'object' ? fault : checkSignature({ method, url, headers }, gate);
    const place = this.#placeOf(url, headers.host ?? '');
    if ('code' in passed) {
      await buffer(request);
      answerError(response, passed);
      return;
    }
    if (place === null) {
      await buffer(request);
      answerError(response, { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' });
      return;
    }
    const query = new Map(queryOf(url));
    const call: Call = { request, response, key: place.key, query, bodyHash: passed.bodyHash, fault };
    const refusal = await this.#answer(method, call);
    if (refusal !== null) {
      if (!request.readableEnded) await buffer(request);
      answerError(response, refusal);
    }
  }

  #placeOf(url: string, host: string): { readonly key: string } | null {
    const path = decodeURIComponent(url.split('?', 1)[0] ?? '').slice(1);
    if (host.startsWith(`${this.bucket}.`)) return { key: path };
    if (path === this.bucket || path.startsWith(`${this.bucket}/`)) return { key: path.slice(this.bucket.length + 1) };
    return null;
  }

  async #answer(method: string, call: Call): Promise<Refusal | null> {
    const { key, query } = call;
    if (method === 'GET' && key === '' && query.has('uploads')) {
      return this.#reply(call, 200, xmlType, this.uploads.list(query.get('prefix') ?? ''));
    }
    if (method === 'GET' && key === '') return this.#list(call);
    if (method === 'GET' || method === 'HEAD') return this.#get(method, call);
    if (method === 'POST' && query.has('uploads')) return this.#begin(call);
    if (method === 'POST' && query.has('uploadId')) return this.#complete(call);
    if (method === 'PUT' && query.has('uploadId')) return this.#part(call);
    if (method === 'PUT') return this.#put(call);
    if (method === 'DELETE' && query.has('uploadId')) return this.#abort(call);
    if (method === 'DELETE') {
      this.#drop(key);
      return this.#reply(call, 204, {}, '');
    }
    return { status: 405, code: 'MethodNotAllowed', message: 'The specified method is not allowed' };
  }

  /** A signed form is its own credential: nothing else of the request is looked at. */
  async #form(
    request: IncomingMessage,
    response: ServerResponse,
    { gate, fault }: { readonly gate: Gatekeeper; readonly fault: FakeS3Fault | null },
  ): Promise<void> {
    const place = this.#placeOf(request.url ?? '', request.headers.host ?? '');
    const form =
      place?.key === ''
        ? await receiveForm({ dir: this.#dir, bucket: this.bucket }, request, gate)
        : { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' };
    if ('code' in form) {
      if (!request.readableEnded) await buffer(request);
      answerError(response, form);
    } else if (form.hasAcl && !this.#dialect.takesAcl) {
      await rm(form.body.file);
      answerError(response, { status: 400, code: 'AccessControlListNotSupported', message: 'no ACLs here' });
    } else {
      this.#store(form.key, { ...form.body, modifiedAt: this.#nowMs(), headers: form.headers });
      if (fault === 'cut-after') request.socket.destroy();
      else response.writeHead(204, { etag: form.body.etag }).end();
    }
  }

  async #put(call: Call): Promise<Refusal | null> {
    const { key, request } = call;
    const early = this.#aclRefusal(request) ?? this.#takenRefusal(call);
    if (early !== null) return early;
    const body = await receiveBody(this.#dir, request, call.bodyHash);
    if ('code' in body) return body;
    const late = this.#takenRefusal(call);
    if (late !== null) {
      await rm(body.file);
      return late;
    }
    this.#store(key, { ...body, modifiedAt: this.#nowMs(), headers: kept(request) });
    return this.#reply(call, 200, { etag: body.etag }, '');
  }

  #aclRefusal(request: IncomingMessage): Refusal | null {
    if (this.#dialect.takesAcl || request.headers['x-amz-acl'] === undefined) return null;
    const message = 'The bucket does not allow ACLs';
    return { status: 400, code: 'AccessControlListNotSupported', message };
  }

  #takenRefusal({ key, request }: Call): Refusal | null {
    if (request.headers['if-none-match'] !== '*' || !this.#dialect.isConditional || !this.objects.has(key)) return null;
    const message = 'At least one of the pre-conditions you specified did not hold';
    return { status: 412, code: 'PreconditionFailed', message };
  }

  #store(key: string, stored: StoredObject): void {
    const before = this.objects.get(key);
    this.objects.set(key, stored);
    if (before !== undefined) void rm(before.file, { force: true });
  }

  /** Who reads the old file right now has it open already. */
  #drop(key: string): void {
    const before = this.objects.get(key);
    this.objects.delete(key);
    if (before !== undefined) void rm(before.file, { force: true });
  }

  async #get(method: string, call: Call): Promise<Refusal | null> {
    const { request, response, key } = call;
    const stored = this.objects.get(key);
    if (stored === undefined) {
      return this.#dialect.mayList
        ? { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' }
        : { status: 403, code: 'AccessDenied', message: 'Access Denied' };
    }
    const { etag, sizeBytes } = stored;
    const ifMatch = request.headers['if-match'];
    if (ifMatch !== undefined && ifMatch !== etag) {
      return { status: 412, code: 'PreconditionFailed', message: 'The object has changed' };
    }
    const range = this.#dialect.ranges === 'whole' ? null : rangeOf(request.headers.range, sizeBytes);
    if (range === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${String(sizeBytes)}`);
      return { status: 416, code: 'InvalidRange', message: 'The requested range is not satisfiable' };
    }
    const { start, end } = range ?? { start: 0, end: sizeBytes };
    const headers: Record<string, string> = {
      ...stored.headers,
      etag,
      'accept-ranges': 'bytes',
      'last-modified': new Date(stored.modifiedAt).toUTCString(),
      'content-length': String(end - start),
    };
    if (range !== null) headers['content-range'] = `bytes ${String(start)}-${String(end - 1)}/${String(sizeBytes)}`;
    if (method === 'HEAD' || start === end) return this.#reply(call, range === null ? 200 : 206, headers, '');
    const handle = await open(stored.file);
    response.writeHead(range === null ? 200 : 206, headers);
    const from = this.#dialect.ranges === 'wrong' && range !== null ? 0 : start;
    const until = call.fault === 'cut-in-body' ? from + Math.floor((end - start) / 2) : from + (end - start);
    const body = createReadStream('', { fd: handle, start: from, end: until - 1 });
    if (call.fault === 'cut-in-body') {
      for await (const chunk of body) response.write(chunk);
      response.write('', () => request.socket.destroySoon());
      return null;
    }
    await pipeline(body, response).catch(() => undefined);
    return null;
  }

  #list(call: Call): Refusal | null {
    const { query } = call;
    if (query.get('list-type') !== '2') return { status: 501, code: 'NotImplemented', message: 'only list-type 2' };
    if (!this.#dialect.mayList) return { status: 403, code: 'AccessDenied', message: 'Access Denied' };
    const all = [...this.objects].map(([key, stored]) => ({ key, ...stored }));
    return this.#reply(call, 200, xmlType, document(listAnswer(all, query, this.pageSize)));
  }

  async #begin(call: Call): Promise<Refusal | null> {
    const { key, request } = call;
    await buffer(request);
    const refusal = this.#aclRefusal(request);
    if (refusal !== null) return refusal;
    return this.#reply(call, 200, xmlType, this.uploads.begin({ key, headers: kept(request), beganAt: this.#nowMs() }));
  }

  async #part(call: Call): Promise<Refusal | null> {
    const { key, query, request, bodyHash } = call;
    const body = await this.uploads.part(key, query, () => receiveBody(this.#dir, request, bodyHash));
    return 'code' in body ? body : this.#reply(call, 200, { etag: body.etag }, '');
  }

  async #complete(call: Call): Promise<Refusal | null> {
    const { key, query } = call;
    const text = (await buffer(call.request)).toString();
    const check = (): Refusal | null => this.#takenRefusal(call);
    const whole = await this.uploads.complete({ key, id: query.get('uploadId') ?? '' }, text, check);
    if ('code' in whole) return whole;
    this.#store(key, { ...whole, modifiedAt: this.#nowMs() });
    const root = element('CompleteMultipartUploadResult', [element('Key', xml(key)), element('ETag', xml(whole.etag))]);
    return this.#reply(call, 200, xmlType, document(root));
  }

  async #abort(call: Call): Promise<Refusal | null> {
    const refusal = await this.uploads.abort({ key: call.key, id: call.query.get('uploadId') ?? '' });
    return refusal ?? this.#reply(call, 204, {}, '');
  }

  #reply(call: Call, status: number, headers: Readonly<Record<string, string>>, body: string): null {
    if (call.fault === 'cut-after') call.request.socket.destroy();
    else call.response.writeHead(status, headers).end(body);
    return null;
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly bodyHash: string;
  readonly fault: FakeS3Fault | null;
}

function kept(request: IncomingMessage): Record<string, string> {
  const { headers } = request;
  const names = Object.keys(headers).filter((name) => keptHeaders.includes(name) || name.startsWith('x-amz-meta-'));
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}
