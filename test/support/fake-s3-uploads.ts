import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { document, element, xml } from './fake-s3-answers.ts';
import type { Refusal } from './fake-s3-signature.ts';

/** A body on the disk. */
export interface ReceivedBody {
  readonly file: string;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** A large upload under way. */
export interface FakeUpload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch ms. */
  readonly beganAt: number;
  readonly parts: Map<number, ReceivedBody>;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const smallestPartBytes = 5 * 1024 * 1024;
const mostPartNumber = 10_000;

const noSuchUpload: Refusal = {
  status: 404,
  code: 'NoSuchUpload',
  message: 'The specified multipart upload does not exist.',
};

/** Writes the body to a file of its own, and compares its hash with the one that was signed. */
export async function receiveBody(
  dir: string,
  request: IncomingMessage,
  bodyHash: string,
): Promise<ReceivedBody | Refusal> {
  if (request.headers['content-length'] === undefined) {
    return { status: 411, code: 'MissingContentLength', message: 'You must provide the Content-Length HTTP header.' };
  }
  const file = join(dir, randomUUID());
  const sha256 = createHash('sha256');
  const md5 = createHash('md5');
  let sizeBytes = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _, done) {
      sha256.update(chunk);
      md5.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(request, meter, createWriteStream(file));
  if (bodyHash !== 'UNSIGNED-PAYLOAD' && sha256.digest('hex') !== bodyHash) {
    await rm(file);
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    return { status: 400, code: 'XAmzContentSHA256Mismatch', message };
  }
  return { file, sizeBytes, etag: `"${md5.digest('hex')}"` };
}

/** The large uploads of a fake S3 server: refuses parts that are too small, unknown, or in a wrong order. */
export class FakeS3Uploads {
  readonly open = new Map<string, FakeUpload>();
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  begin(upload: Omit<FakeUpload, 'parts'>): string {
    const id = randomUUID();
    this.open.set(id, { ...upload, parts: new Map() });
    return document(
      element('InitiateMultipartUploadResult', [element('Key', xml(upload.key)), element('UploadId', id)]),
    );
  }

  async part(
    key: string,
    query: ReadonlyMap<string, string>,
    receive: () => Promise<ReceivedBody | Refusal>,
  ): Promise<ReceivedBody | Refusal> {
    const upload = this.open.get(query.get('uploadId') ?? '');
    if (upload?.key !== key) return noSuchUpload;
    const number = Number(query.get('partNumber'));
    if (!(Number.isInteger(number) && number >= 1 && number <= mostPartNumber)) {
      return { status: 400, code: 'InvalidArgument', message: 'Part number must be between 1 and 10000' };
    }
    const body = await receive();
    if ('code' in body) return body;
    const before = upload.parts.get(number);
    if (before !== undefined) await rm(before.file, { force: true });
    upload.parts.set(number, body);
    return body;
  }

  /** Puts the parts that `text` names together in a new file; `check` has the last word. */
  async complete(
    at: { readonly key: string; readonly id: string },
    text: string,
    check: () => Refusal | null,
  ): Promise<(ReceivedBody & Pick<FakeUpload, 'headers'>) | Refusal> {
    const upload = this.open.get(at.id);
    if (upload?.key !== at.key) return noSuchUpload;
    const parts = partsNamed(text, upload);
    if ('code' in parts) return parts;
    const file = join(this.#dir, randomUUID());
    await writeFile(file, '');
    let sizeBytes = 0;
    for (const part of parts) {
      await pipeline(createReadStream(part.file), createWriteStream(file, { flags: 'a' }));
      sizeBytes += part.sizeBytes;
    }
    const refusal = check();
    if (refusal !== null) {
      await rm(file);
      return refusal;
    }
    void this.abort(at);
    const etag = `"${createHash('md5').update(at.id).digest('hex')}-${String(parts.length)}"`;
    return { file, sizeBytes, etag, headers: upload.headers };
  }

  async abort(at: { readonly key: string; readonly id: string }): Promise<Refusal | null> {
    const upload = this.open.get(at.id);
    if (upload?.key !== at.key) return noSuchUpload;
    this.open.delete(at.id);
    await Promise.all([...upload.parts.values()].map(({ file }) => rm(file, { force: true })));
    return null;
  }

  /** All on one page: enough for a test. */
  list(prefix: string): string {
    const rows = [...this.open]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([id, { key, beganAt }]) =>
        element('Upload', [
          element('Key', xml(key)),
          element('UploadId', id),
          element('Initiated', new Date(beganAt).toISOString()),
        ]),
      );
    return document(element('ListMultipartUploadsResult', [element('IsTruncated', 'false'), ...rows]));
  }
}

function partsNamed(text: string, upload: FakeUpload): readonly ReceivedBody[] | Refusal {
  const parts: ReceivedBody[] = [];
  let last = 0;
  for (const [, named = ''] of text.matchAll(/<Part>(.*?)<\/Part>/gs)) {
    const number = Number(/<PartNumber>(\d+)</.exec(named)?.[1]);
    const etag = (/<ETag>(.*?)</.exec(named)?.[1] ?? '').replaceAll('&quot;', '"');
    if (number <= last) {
      return { status: 400, code: 'InvalidPartOrder', message: 'The list of parts was not in ascending order.' };
    }
    last = number;
    const part = upload.parts.get(number);
    if (part?.etag.replaceAll('"', '') !== etag.replaceAll('"', '')) {
      return { status: 400, code: 'InvalidPart', message: 'One or more of the specified parts could not be found.' };
    }
    parts.push(part);
  }
  if (parts.length === 0) return { status: 400, code: 'MalformedXML', message: 'There are no parts' };
  if (parts.slice(0, -1).some(({ sizeBytes }) => sizeBytes < smallestPartBytes)) {
    const message = 'Your proposed upload is smaller than the minimum allowed size';
    return { status: 400, code: 'EntityTooSmall', message };
  }
  return parts;
}
