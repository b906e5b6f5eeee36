import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Hono } from 'hono';
import { stripTypes } from './strip-types.ts';
import type { WebEnv } from './streams.ts';

const compress = promisify(gzip);

// The parts of PatternFly that our pages use; what is not named here is not served.
const components = [
  'Alert/alert',
  'Breadcrumb/breadcrumb',
  'Button/button',
  'Card/card',
  'DescriptionList/description-list',
  'EmptyState/empty-state',
  'FormControl/form-control',
  'Label/label',
  'Masthead/masthead',
  'SkipToContent/skip-to-content',
  'Tabs/tabs',
  'Title/title',
];
const fonts = ['RedHatText/RedHatTextVF', 'RedHatDisplay/RedHatDisplayVF', 'RedHatMono/RedHatMonoVF'];
// Pure modules outside `client/` that run in the browser too; they keep their place in the tree, so imports resolve.
const sharedModules = ['results/ansi.ts'];

interface Asset {
  readonly type: string;
  readonly isText: boolean;
  readonly source: Buffer;
  readonly toBytes: (source: Buffer) => Buffer;
  made: Promise<{ readonly plain: Buffer; readonly gzipped: Buffer | null }> | null;
}

/** The fixed set of files that pages may load. Their addresses carry a hash of all of them and are valid for ever. */
export interface Assets {
  /** Address of a file, e.g. `href('groundcrew.css')`. */
  href(path: string): string;
  /** Addresses of all browser modules, to be loaded ahead. */
  readonly modules: readonly string[];
  addRoutes(app: Hono<WebEnv>): void;
}

/** Reads the files now, so that an upgrade under a running server changes nothing; strips and compresses at first use. */
export function createAssets(): Assets {
  const files = collect();
  const hash = createHash('sha256');
  for (const [path, asset] of files) hash.update(`${path}\n`).update(asset.source);
  const root = `/assets/${hash.digest('hex').slice(0, 16)}`;
  const href = (path: string): string => `${root}/${path}`;
  return {
    href,
    modules: [...files.keys()].filter((path) => path.endsWith('.ts') && !path.endsWith('/theme.ts')).map(href),
    addRoutes(app) {
      app.get('/assets/*', async (c) => {
        const asset = c.req.path.startsWith(`${root}/`) ? files.get(c.req.path.slice(root.length + 1)) : undefined;
        if (asset === undefined) return c.text('There is no such file.\n', 404);
        asset.made ??= prepare(asset);
        const { plain, gzipped } = await asset.made;
        const isGzip = gzipped !== null && /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
        return c.body(new Uint8Array(isGzip ? gzipped : plain), 200, {
          'Content-Type': asset.type,
          'Cache-Control': 'public, max-age=31536000, immutable',
          Vary: 'Accept-Encoding',
          ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
        });
      });
      app.get('/favicon.ico', (c) => c.redirect(href('favicon.svg'), 302));
    },
  };
}

async function prepare(asset: Asset): Promise<{ readonly plain: Buffer; readonly gzipped: Buffer | null }> {
  const plain = asset.toBytes(asset.source);
  return { plain, gzipped: asset.isText ? await compress(plain, { level: 9 }) : null };
}

function collect(): Map<string, Asset> {
  const patternfly = dirname(fileURLToPath(import.meta.resolve('@patternfly/patternfly/package.json')));
  const web = import.meta.dirname;
  const files = new Map<string, Asset>();
  const add = (
    path: string,
    type: string,
    source: Buffer,
    toBytes: (source: Buffer) => Buffer = (bytes) => bytes,
  ): void => {
    files.set(path, { type, isText: !type.startsWith('font/'), source, toBytes, made: null });
  };
  const sheets = [
    join(patternfly, 'patternfly-base.css'),
    ...components.map((name) => join(patternfly, 'components', `${name}.css`)),
    join(web, 'style.css'),
  ];
  add('groundcrew.css', 'text/css; charset=utf-8', Buffer.concat(sheets.map((path) => readFileSync(path))));
  for (const name of fonts) {
    // The style sheet names its fonts relative to itself.
    add(`assets/fonts/${name}.woff2`, 'font/woff2', readFileSync(join(patternfly, 'assets/fonts', `${name}.woff2`)));
  }
  const clients = readdirSync(join(web, 'client')).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  for (const path of [...clients.map((name) => `web/client/${name}`), ...sharedModules]) {
    const source = readFileSync(join(web, '..', path));
    add(path, 'text/javascript; charset=utf-8', source, (bytes) => Buffer.from(stripTypes(bytes.toString('utf8'))));
  }
  add('favicon.svg', 'image/svg+xml', readFileSync(join(web, 'favicon.svg')));
  return files;
}
