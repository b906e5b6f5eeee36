import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { createAssets } from './assets.ts';
import { createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';
import type { WebEnv } from './streams.ts';

const run = promisify(execFile);

function app(): {
  readonly assets: ReturnType<typeof createAssets>;
  readonly get: (path: string, gzip?: boolean) => Promise<Response>;
} {
  const assets = createAssets();
  const hono = new Hono<WebEnv>();
  assets.addRoutes(hono);
  const get = async (path: string, gzip = false): Promise<Response> =>
    hono.request(path, { headers: gzip ? { 'Accept-Encoding': 'br, gzip' } : {} });
  return { assets, get };
}

test('files come under an address with the hash of their content, compressed, and are kept for ever', async () => {
  const { assets, get } = app();
  const address = assets.href('groundcrew.css');
  assert.match(address, /^\/assets\/[0-9a-f]{16}\/groundcrew\.css$/);
  const packed = await get(address, true);
  assert.equal(packed.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  const bytes = Buffer.from(await packed.arrayBuffer());
  assert.ok(bytes.length < 90_000, `the style sheet has ${bytes.length} bytes`);
  const plain = await get(address);
  assert.equal(plain.headers.get('content-encoding'), null);
  const css = await plain.text();
  assert.equal(gunzipSync(bytes).toString(), css);
  assert.doesNotMatch(css, /url\(["']?https?:/);
  assert.equal(createAssets().href('groundcrew.css'), address);
});

test('browser modules come without types, and all that they import is served too', async () => {
  const { assets, get } = app();
  for (const address of [...assets.modules, assets.href('web/client/theme.ts')]) {
    const answer = await get(address);
    assert.equal(answer.headers.get('content-type'), 'text/javascript; charset=utf-8');
    const script = await answer.text();
    assert.doesNotMatch(script, /^import type|^export interface|: readonly /m);
    assert.doesNotMatch(script, /innerHTML|insertAdjacentHTML|document\.write|\beval\(/);
    for (const [, path] of script.matchAll(/from '(\.[^']+)'/g)) {
      const imported = new URL(path ?? '', `http://x${address}`).pathname;
      assert.equal((await get(imported)).status, 200, `${address} imports ${String(path)}`);
    }
  }
});

test('fonts are ours, and nothing but the fixed set can be had', async () => {
  const { assets, get } = app();
  const font = await get(assets.href('assets/fonts/RedHatText/RedHatTextVF.woff2'));
  assert.equal(font.headers.get('content-type'), 'font/woff2');
  const root = assets.href('');
  for (const path of [
    '../../package.json',
    '%2e%2e/app.ts',
    'web/app.ts',
    'web/client/tsconfig.json',
    '',
    'constructor',
  ]) {
    assert.equal((await get(root + path)).status, 404, path);
  }
  assert.equal((await get('/assets/0000000000000000/groundcrew.css')).status, 404);
});

test('stripping types says nothing to the operator', async () => {
  const script = `const { stripTypes } = await import('./src/web/strip-types.ts'); console.log(stripTypes('let a: number = 1'));`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(stdout, 'let a         = 1\n');
  assert.equal(stderr, '');
});

test('a port that is taken is said in one line', async (t) => {
  const first = await startWebServer(createWebApp(createFakeWorld().deps), { host: '127.0.0.1', port: 0 });
  t.after(() => first.close());
  await assert.rejects(startWebServer(createWebApp(createFakeWorld().deps), { host: '127.0.0.1', port: first.port }), {
    code: 'web/cannot-listen',
    message: `cannot listen on 127.0.0.1:${first.port}: the port is in use`,
  });
});
