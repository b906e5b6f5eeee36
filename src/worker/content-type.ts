/** How an attachment is stored and served. */
export interface AttachmentKind {
  readonly contentType: string;
  readonly isDownload: boolean;
}

const images = new Map(
  Object.entries({
    apng: 'image/apng',
    avif: 'image/avif',
    bmp: 'image/bmp',
    gif: 'image/gif',
    ico: 'image/x-icon',
    jpeg: 'image/jpeg',
    jpg: 'image/jpeg',
    png: 'image/png',
    webp: 'image/webp',
  }),
);

const downloads = new Map(
  Object.entries({
    // Pages and drawings carry scripts: a browser must not show them as ours.
    htm: 'text/html; charset=utf-8',
    html: 'text/html; charset=utf-8',
    svg: 'image/svg+xml',
    xhtml: 'application/xhtml+xml',
    xml: 'application/xml',
    js: 'text/javascript; charset=utf-8',
    mjs: 'text/javascript; charset=utf-8',
    css: 'text/css; charset=utf-8',
    pdf: 'application/pdf',
    // As it is, not as an encoding: what was saved packed is downloaded packed.
    bz2: 'application/x-bzip2',
    gz: 'application/gzip',
    tar: 'application/x-tar',
    tgz: 'application/gzip',
    xz: 'application/x-xz',
    zip: 'application/zip',
    zst: 'application/zstd',
    mp4: 'video/mp4',
    webm: 'video/webm',
  }),
);

const texts = new Set(
  (
    'txt text log out err md rst tap json jsonl yaml yml toml ini cfg conf csv tsv diff patch list trace journal ' +
    'py sh c h cc cpp hpp go rs rb pl java ts tsx jsx sql spec service status env lock'
  ).split(' '),
);

/**
 * By extension: images and plain text are shown in place, everything else is a download (design §6), whatever a browser
 * would do with it. A name without extension is text, as most logs are; `text/plain` is never run.
 */
export function attachmentKind(name: string): AttachmentKind {
  const file = name.slice(name.lastIndexOf('/') + 1);
  const dot = file.lastIndexOf('.');
  const extension = file.slice(dot + 1).toLowerCase();
  const image = images.get(extension);
  if (dot >= 0 && image !== undefined) return { contentType: image, isDownload: false };
  if (dot <= 0 || texts.has(extension)) return { contentType: 'text/plain; charset=utf-8', isDownload: false };
  return { contentType: downloads.get(extension) ?? 'application/octet-stream', isDownload: true };
}
