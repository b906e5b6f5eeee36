import type { Context } from 'hono';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Html } from './pages/format.ts';
import type { WebEnv } from './streams.ts';

const compress = promisify(gzip);

/** Answers with a page, compressed for whoever takes it: rows repeat themselves. Pages hold no secret to guess by length. */
export async function sendPage(
  c: Context<WebEnv>,
  page: Html,
  status: 200 | 400 | 401 | 404 | 409 | 413 = 200,
): Promise<Response> {
  const text = (await page).toString();
  const headers = { 'Content-Type': 'text/html; charset=utf-8', Vary: 'Accept-Encoding' };
  if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(text, status, headers);
  const packed = await compress(text, { level: 4 });
  return c.body(new Uint8Array(packed), status, { ...headers, 'Content-Encoding': 'gzip' });
}
