import type { Hono } from 'hono';
import { isGroundcrewError } from '../base/errors.ts';
import type { AttemptDetail } from '../ledger/ledger-reader.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { findAttempt } from './attempt-name.ts';
import { jobContentHeaders } from './guard.ts';
import type { FileShown } from './pages/run.ts';
import { streamBytes, type WebEnv } from './streams.ts';
import type { WebDeps } from './web-deps.ts';

const mostListed = 200;
// What lies beside the attachments under an attempt's prefix and is not one of them: the log in its forms, our record.
const ourOwn = /^(?:log|log\.chunks|log\.\d+-\d+|log\.html|index\.html|run\.json)$/;

// Shown in place; everything else is a download. SVG and HTML are programs, so they are not here.
const shownInPlace: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  txt: 'text/plain; charset=utf-8',
  log: 'text/plain; charset=utf-8',
  tap: 'text/plain; charset=utf-8',
  json: 'text/plain; charset=utf-8',
  xml: 'text/plain; charset=utf-8',
  yaml: 'text/plain; charset=utf-8',
  yml: 'text/plain; charset=utf-8',
  diff: 'text/plain; charset=utf-8',
  md: 'text/plain; charset=utf-8',
};

/** What the job left beside its log; at most the first 200 are named. */
export async function listFiles(
  store: ObjectStore,
  attempt: AttemptDetail,
): Promise<{ readonly files: readonly FileShown[]; readonly hasMore: boolean }> {
  const prefix = `${attempt.storePrefix}/`;
  const files: FileShown[] = [];
  for await (const { key, sizeBytes } of store.list(prefix)) {
    const path = key.slice(prefix.length);
    if (ourOwn.test(path)) continue;
    if (files.length === mostListed) return { files, hasMore: true };
    files.push({ path, sizeBytes });
  }
  return { files, hasMore: false };
}

/**
 * Attachments. They are a stranger's bytes on our address: sandboxed, never sniffed, shown in place only as pixels or plain
 * text, by our own list and not by what the job called them.
 */
export function addFileRoutes(app: Hono<WebEnv>, deps: WebDeps): void {
  app.get('/runs/:id/files/:attempt/:path{.+}', async (c) => {
    const run = await deps.reader.run(c.req.param('id'));
    const attempt = run === null ? null : findAttempt(run, c.req.param('attempt'));
    const path = c.req.param('path');
    const object =
      attempt === null || ourOwn.test(path) ? null : await getOrNull(deps.store, `${attempt.storePrefix}/${path}`);
    if (object === null)
      return c.text(
        'There is no such file; it goes with its run, when that is forgotten (retention.runs).\n',
        404,
        jobContentHeaders,
      );
    const name = path.split('/').at(-1) ?? 'file';
    const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
    const shownAs = object.isDownload ? undefined : shownInPlace[extension];
    const headers = {
      ...jobContentHeaders,
      'Content-Type': shownAs ?? 'application/octet-stream',
      'Content-Length': String(object.sizeBytes),
      'Content-Disposition': shownAs === undefined ? attachment(name) : 'inline',
    };
    if (c.req.method === 'HEAD') {
      object.body.destroy();
      return c.body(null, 200, headers);
    }
    return streamBytes(c, deps, () => object.body as AsyncIterable<Uint8Array>, headers);
  });
}

async function getOrNull(store: ObjectStore, key: string): ReturnType<ObjectStore['get']> {
  try {
    return await store.get(key);
  } catch (error) {
    // A path that no key can have is a file that is not there.
    if (isGroundcrewError(error, 'storage/bad-key')) return null;
    throw error;
  }
}

// RFC 6266: an ASCII name for old clients, the true one percent-encoded.
function attachment(name: string): string {
  const ascii = name.replace(/[^\w.-]/g, '_').slice(0, 100);
  const encoded = encodeURIComponent(name.slice(0, 200).toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
