import { GroundcrewError } from '../../base/errors.ts';
import type { ObjectInfo } from '../object-store.ts';
import type { HttpSender } from './http-sender.ts';
import { keyPath } from './key-path.ts';

/** A folder of more entries is not ours. */
const mostBytes = 64 * 1024 * 1024;

interface Entry {
  /** Ends in `/` for a folder. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/** What listing needs; `headers` go with each request. */
export interface Folders {
  readonly sender: HttpSender;
  /** Ends in `/`. */
  readonly url: string;
  readonly headers: () => Readonly<Record<string, string>>;
}

/**
 * Objects whose keys begin with `prefix`, in the order of the keys' bytes: folder by folder, by WebDAV's PROPFIND.
 * @throws GroundcrewError `storage/cannot-list` when the server has no PROPFIND
 */
export async function* listBelow(at: Folders, prefix: string): AsyncGenerator<ObjectInfo> {
  const slash = prefix.lastIndexOf('/') + 1;
  yield* walk(at, prefix.slice(0, slash), prefix.slice(slash));
}

async function* walk(at: Folders, folder: string, begin: string): AsyncGenerator<ObjectInfo> {
  const entries = (await entriesOf(at, folder)) ?? [];
  const found = entries
    .filter(({ name }) => name.startsWith(begin))
    // A folder's name with its slash stands where its first key does.
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  for (const { name, sizeBytes, modifiedAt } of found) {
    if (name.endsWith('/')) yield* walk(at, folder + name, '');
    else yield { key: folder + name, sizeBytes, modifiedAt };
  }
}

/** What is directly in a folder (`''`, or ends in `/`); null when there is no such folder. @throws as `listBelow` */
export async function entriesOf(at: Folders, folder: string): Promise<readonly Entry[] | null> {
  if (folder.split('/').some((part) => part === '.' || part === '..')) return null;
  const url = at.url + keyPath(folder);
  const answer = await at.sender.send({ method: 'PROPFIND', url, headers: { ...at.headers(), depth: '1' } });
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > mostBytes) throw bad(folder, 'a list of more than 64 MiB');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString();
  const status = answer.statusCode ?? 0;
  if (status === 404) return null;
  if ([400, 405, 501].includes(status)) {
    const message = `the store does not list (PROPFIND: ${String(status)})`;
    throw new GroundcrewError('storage/cannot-list', message);
  }
  if (status === 401 || status === 403) {
    throw new GroundcrewError('storage/forbidden', `list ${JSON.stringify(folder)}: ${String(status)}`);
  }
  if (status !== 207) throw bad(folder, `status ${String(status)}`);
  return parseMultistatus(text, new URL(url).pathname);
}

/** The entries of a PROPFIND's answer but the folder itself. Names that lead elsewhere are left out. */
export function parseMultistatus(text: string, folderPath: string): readonly Entry[] {
  const entries: Entry[] = [];
  const base = decoded(folderPath) ?? folderPath;
  for (const [, response = ''] of text.matchAll(/<(?:\w+:)?response(?:\s[^>]*)?>(.*?)<\/(?:\w+:)?response>/gs)) {
    const href = element(response, 'href');
    const path = href === null ? null : decoded(href.replace(/^https?:\/\/[^/]+/, ''));
    if (path?.startsWith(base) !== true) continue;
    const isFolder = /<(?:\w+:)?collection\b/.test(response);
    const name = path.slice(base.length).replace(/\/$/, '');
    if (name === '' || name.includes('/')) continue;
    const modifiedAt = Date.parse(element(response, 'getlastmodified') ?? '');
    entries.push({
      name: isFolder ? `${name}/` : name,
      sizeBytes: Number(element(response, 'getcontentlength') ?? 0),
      // What says nothing of its age must not seem old.
      modifiedAt: Number.isNaN(modifiedAt) ? Infinity : modifiedAt,
    });
  }
  return entries;
}

function element(xml: string, name: string): string | null {
  const found = new RegExp(`<(?:\\w+:)?${name}(?:\\s[^>]*)?>([^<]*)<`).exec(xml)?.[1];
  return found === undefined
    ? null
    : found.trim().replaceAll(/&(lt|gt|quot|apos|#\d+|#x[0-9a-f]+|amp);/gi, (_, word: string) => characterOf(word));
}

function characterOf(word: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  if (!word.startsWith('#')) return named[word.toLowerCase()] ?? '';
  const code = /^#x/i.test(word) ? Number.parseInt(word.slice(2), 16) : Number(word.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function bad(folder: string, what: string): GroundcrewError {
  return new GroundcrewError('storage/bad-answer', `list ${JSON.stringify(folder)}: ${what}`);
}
