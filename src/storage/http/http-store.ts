import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { createLanes } from '../../base/lanes.ts';
import { GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { checkKey } from '../object-key.ts';
import type { ObjectRead, ObjectSource, ObjectStore, PutOptions } from '../object-store.ts';
import { openSource, type OpenSource } from '../open-source.ts';
import { probePrefix } from '../probe-prefix.ts';
import { createHttpSender, defaultHttpPace, type HttpPace, type HttpSender } from './http-sender.ts';
import { keyPath } from './key-path.ts';
import { entriesOf, listBelow } from './list-folder.ts';
import { readAnswer } from './read-answer.ts';

const plainType = 'text/plain; charset=utf-8';

/** Where, and how to be let in. */
export interface HttpStoreOptions {
  /** Ends in `/`. */
  readonly url: string;
  /** Read for each request; null: none is sent. */
  readonly token: (() => string) | null;
  /** Where everybody may read the same folder; ends in `/`. */
  readonly publicUrl: string | null;
  readonly ca?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace?: Partial<HttpPace>;
}

/** An object store in a folder of a web server. */
export interface HttpStore extends ObjectStore {
  /** Removes what trials of killed processes left, older than this; where the server cannot list, nothing. Returns how many. */
  sweep(olderThanMs: number): Promise<number>;
  /** Puts, reads and deletes something, and lists. @throws GroundcrewError when it cannot be used */
  trial(): Promise<{ readonly lists: boolean; readonly hasRanges: boolean }>;
  close(): void;
}

/**
 * Objects by PUT, GET and DELETE, as nginx and Apache have them (WebDAV):
 *
 *     objects/<key>   the bytes
 *     kinds/<key>     content type and download flag, only where they are not plain text shown in place: servers go by names
 *
 * Lists are WebDAV's PROPFIND; a server without it keeps objects and cannot say which (`storage/cannot-list`). The server has to
 * put a file in place when it is complete (both do) and to make folders by itself (`create_full_put_path`), or by MKCOL.
 * Put-if-absent looks first and then puts: exact among the calls of one process, not among several. Nothing is private or
 * public here: that is the server's matter. What a killed upload leaves is the server's as well.
 */
export function openHttpStore(options: HttpStoreOptions): HttpStore {
  return new Folder(options);
}

class Folder implements HttpStore {
  readonly #options: HttpStoreOptions;
  readonly #sender: HttpSender;
  readonly #lanes = createLanes();

  constructor(options: HttpStoreOptions) {
    this.#options = options;
    this.#sender = createHttpSender({ ...options, pace: { ...defaultHttpPace, ...options.pace } });
  }

  async put(key: string, source: ObjectSource, kind: PutOptions): Promise<void> {
    checkKey(key);
    const opened = await openSource(source);
    try {
      // Asked for first, so that a source that is too short stores nothing.
      if (opened.sizeBytes > 0) await opened.read(opened.sizeBytes - 1, opened.sizeBytes);
      const isPlain = kind.contentType === plainType && kind.isDownload !== true;
      if (!isPlain) {
        const text = JSON.stringify({ contentType: kind.contentType, isDownload: kind.isDownload === true });
        await this.#store(`kinds/${key}`, await openSource({ bytes: Buffer.from(text) }), 'application/json');
      }
      await this.#store(`objects/${key}`, opened, kind.contentType);
      if (isPlain) await this.#remove(`kinds/${key}`);
    } finally {
      await opened.close();
    }
  }

  async putIfAbsent(key: string, source: ObjectSource, kind: PutOptions): Promise<boolean> {
    checkKey(key);
    return await this.#lanes.run(key, async () => {
      const found = drain(await this.#ask('HEAD', `objects/${key}`));
      const { statusCode } = found;
      if (statusCode === 200) return false;
      if (statusCode !== 404 && !isFolder(found)) throw refusal('look for', key, { status: statusCode ?? 0, text: '' });
      await this.put(key, source, kind);
      return true;
    });
  }

  async get(key: string, range?: { readonly start: number; readonly end?: number }): Promise<ObjectRead | null> {
    checkKey(key);
    const start = range?.start ?? 0;
    const isEmpty = range?.end !== undefined && range.end <= start;
    const asked =
      range === undefined || isEmpty
        ? null
        : `bytes=${String(start)}-${range.end === undefined ? '' : String(range.end - 1)}`;
    const answer = await this.#ask(isEmpty ? 'HEAD' : 'GET', `objects/${key}`, asked === null ? {} : { range: asked });
    const status = answer.statusCode ?? 0;
    if (status === 404 || isFolder(answer)) return drop(answer);
    if (status !== 200 && status !== 206 && status !== 416) throw refusal('get', key, await readAnswer(answer));
    const kind = await this.#kindOf(key);
    const total = Number(/\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1] ?? NaN);
    if (status === 416 || isEmpty) {
      answer.resume();
      const sizeBytes = isEmpty ? Number(answer.headers['content-length'] ?? 0) : total;
      return { sizeBytes, ...kind, body: Readable.from([]) };
    }
    if (status === 200) {
      const sizeBytes = Number(answer.headers['content-length']);
      // All of it, from a server that does no ranges.
      const body = range === undefined ? answer : Readable.from(cut(answer, start, range.end ?? Infinity));
      return { sizeBytes, ...kind, body: told(body, key) };
    }
    const first = Number(/^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1] ?? NaN);
    if (first !== start || Number.isNaN(total)) {
      answer.destroy();
      throw new GroundcrewError('storage/bad-answer', `get ${JSON.stringify(key)}: another range than was asked for`);
    }
    return { sizeBytes: total, ...kind, body: told(answer, key) };
  }

  list(prefix: string): ReturnType<ObjectStore['list']> {
    return listBelow(this.#folders('objects/'), prefix);
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#remove(`objects/${key}`);
    await this.#remove(`kinds/${key}`);
  }

  async address(key: string): Promise<string | null> {
    checkKey(key);
    const { publicUrl } = this.#options;
    return Promise.resolve(publicUrl === null ? null : `${publicUrl}objects/${keyPath(key)}`);
  }

  async sweep(olderThanMs: number): Promise<number> {
    const before = this.#options.clock.now() - olderThanMs;
    const left = new Set<string>();
    try {
      for (const folder of ['objects/', 'kinds/'])
        for await (const { key, modifiedAt } of listBelow(this.#folders(folder), probePrefix)) {
          // Without a time nobody knows how old it is.
          if (modifiedAt > 0 && modifiedAt < before) left.add(key);
        }
    } catch (error) {
      if (!isGroundcrewError(error, 'storage/cannot-list')) throw error;
    }
    for (const key of left) await this.delete(key);
    return left.size;
  }

  async trial(): Promise<{ readonly lists: boolean; readonly hasRanges: boolean }> {
    const key = `${probePrefix}${this.#options.random.hex(8)}`;
    await this.put(key, { bytes: Buffer.from('0123456789') }, { contentType: plainType, visibility: 'public' });
    try {
      const { statusCode } = drain(await this.#ask('GET', `objects/${key}`, { range: 'bytes=2-4' }));
      let lists = true;
      try {
        await entriesOf(this.#folders('objects/'), '');
      } catch (error) {
        if (!(error instanceof GroundcrewError) || error.code !== 'storage/cannot-list') throw error;
        lists = false;
      }
      return { lists, hasRanges: statusCode === 206 };
    } finally {
      await this.delete(key);
    }
  }

  close(): void {
    this.#sender.close();
  }

  async #store(path: string, body: OpenSource, contentType: string): Promise<void> {
    const put = async () => {
      const headers = { ...this.#headers(), 'content-type': contentType };
      const url = this.#options.url + keyPath(path);
      return readAnswer(await this.#sender.send({ method: 'PUT', url, headers, body: { source: body } }));
    };
    let answer = await put();
    // A folder is missing above, or an empty one stands where the object is to be.
    if (answer.status === 409 || answer.status === 405) {
      await this.#makeWay(path);
      answer = await put();
    }
    if (answer.status === 409 || answer.status === 405) {
      throw new GroundcrewError(
        'storage/key-conflict',
        `put ${JSON.stringify(path)}: a folder or an object is in its way`,
      );
    }
    if (answer.status < 200 || answer.status >= 300) throw refusal('put', path, answer);
  }

  async #makeWay(path: string): Promise<void> {
    const parts = path.split('/').slice(0, -1);
    for (const index of parts.keys()) drain(await this.#ask('MKCOL', `${parts.slice(0, index + 1).join('/')}/`));
    const entries = await entriesOf(this.#folders(''), `${path}/`).catch(() => null);
    if (entries?.length === 0) drain(await this.#ask('DELETE', `${path}/`));
  }

  async #remove(path: string): Promise<void> {
    // Deleting a folder takes all that is in it along, on some servers without being asked twice.
    const found = drain(await this.#ask('HEAD', path));
    if (found.statusCode === 404 || isFolder(found)) return;
    const answer = await readAnswer(await this.#ask('DELETE', path));
    if (answer.status === 404 || (answer.status >= 200 && answer.status < 300)) return;
    throw refusal('delete', path, answer);
  }

  async #kindOf(key: string): Promise<Pick<ObjectRead, 'contentType' | 'isDownload'>> {
    const plain = { contentType: plainType, isDownload: false };
    const answer = await this.#ask('GET', `kinds/${key}`);
    const { status, text } = await readAnswer(answer);
    if (status !== 200) return plain;
    try {
      const read = JSON.parse(text) as Partial<Record<string, unknown>>;
      return {
        contentType: typeof read['contentType'] === 'string' ? read['contentType'] : 'application/octet-stream',
        isDownload: read['isDownload'] !== false,
      };
    } catch {
      // Cut or not ours: never shown in place as something that it may not be.
      return { contentType: 'application/octet-stream', isDownload: true };
    }
  }

  #folders(below: string) {
    return { sender: this.#sender, url: this.#options.url + below, headers: () => this.#headers() };
  }

  #ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<IncomingMessage> {
    const url = this.#options.url + keyPath(path);
    return this.#sender.send({ method, url, headers: { ...this.#headers(), ...headers } });
  }

  #headers(): Record<string, string> {
    const { token } = this.#options;
    return token === null ? {} : { authorization: `Bearer ${token()}` };
  }
}

function refusal(
  what: string,
  key: string,
  { status, text }: { readonly status: number; readonly text: string },
): GroundcrewError {
  const said = `${what} ${JSON.stringify(key)}: ${String(status)} ${text}`.slice(0, 500);
  if (status === 401) return new GroundcrewError('storage/bad-credentials', said);
  if (status === 403) return new GroundcrewError('storage/forbidden', said);
  if (status === 429 || (status >= 500 && status !== 501)) {
    return new GroundcrewError('storage/unavailable', said, { retry: 'later' });
  }
  return new GroundcrewError('storage/refused', said);
}

/** A folder answers with where it is: the same address with a slash. */
function isFolder({ statusCode, headers }: IncomingMessage): boolean {
  return [301, 302, 307, 308].includes(statusCode ?? 0) && (headers.location ?? '').endsWith('/');
}

function drain(answer: IncomingMessage): IncomingMessage {
  answer.resume();
  return answer;
}

function drop(answer: IncomingMessage): null {
  answer.resume();
  return null;
}

async function* cut(body: AsyncIterable<Buffer>, start: number, end: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const part of body) {
    const piece = part.subarray(Math.max(0, start - at), Math.max(0, end - at));
    at += part.length;
    if (piece.length > 0) yield piece;
    if (at >= end) return;
  }
}

/** A body that breaks says so in our words: the reader may begin again where it stopped. */
function told(body: Readable, key: string): Readable {
  return Readable.from(
    (async function* () {
      try {
        yield* body as AsyncIterable<Buffer>;
      } catch (cause) {
        throw new GroundcrewError('storage/unavailable', `get ${JSON.stringify(key)}: it broke off`, {
          retry: 'later',
          cause,
        });
      }
    })(),
    { objectMode: false },
  );
}
