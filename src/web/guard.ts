import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';

// Styles and scripts come from our own files only. `data:` images are the arrows in PatternFly's own style sheet.
const pagePolicy =
  "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/** For bytes that a job produced: an origin of its own, nothing runs, nothing loads. */
export const jobContentHeaders = {
  'Content-Security-Policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'",
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

/**
 * Refuses names that are not ours. A page elsewhere can point its own name at 127.0.0.1 (DNS rebinding) and would then
 * read as if it were us; it cannot do so with a loopback name or a bare address, so these always pass.
 */
export function isOurHost(host: string | undefined, publicAddress: string | null): boolean {
  if (host === undefined) return false;
  const parsed = parse(`http://${host}`);
  if (parsed === null) return false;
  const name = parsed.hostname.replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return publicAddress !== null && parse(publicAddress)?.hostname === name;
}

/**
 * True when a browser says that the request comes from one of our pages, or when no browser is involved.
 * Programs send neither header; every browser sends `Origin` with a POST.
 */
export function isOurOrigin(headers: {
  readonly origin: string | undefined;
  readonly site: string | undefined;
  readonly host: string | undefined;
  readonly publicAddress: string | null;
}): boolean {
  const { origin, site, host, publicAddress } = headers;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return true;
  const from = parse(origin);
  if (from === null) return false;
  // Behind a proxy the Host header may be an inner name while the browser sees the public address.
  return from.host === host || (publicAddress !== null && from.origin === parse(publicAddress)?.origin);
}

/** Compares in constant time, whatever the lengths. */
export function isToken(shown: string | undefined, token: string): boolean {
  if (shown === undefined || token === '') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(token));
}

/** The token of an `Authorization: Bearer …` header. */
export function bearer(header: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1];
}

/** Sets the headers of every answer, and turns away foreign hosts and foreign origins before anything is looked at. */
export function guard(publicAddress: string | null): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host');
    if (!isOurHost(host, publicAddress)) {
      return c.text('This server does not answer to that host name; see publicAddress in the configuration.\n', 421);
    }
    const isSafe = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!isSafe) {
      const origin = c.req.header('origin');
      const site = c.req.header('sec-fetch-site');
      if (!isOurOrigin({ origin, site, host, publicAddress })) {
        return c.json({ error: 'requests from other sites are refused', code: 'web/foreign-origin' }, 403);
      }
    }
    await next();
    const headers = c.res.headers;
    if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', pagePolicy);
    headers.set('X-Content-Type-Options', 'nosniff');
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    headers.set('Referrer-Policy', 'same-origin');
    headers.set('Cross-Origin-Opener-Policy', 'same-origin');
    if (!headers.has('Cross-Origin-Resource-Policy')) headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    // Logs are long and many; crawlers would cost more than all readers together.
    headers.set('X-Robots-Tag', 'noindex, nofollow');
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
    return undefined;
  };
}

function parse(address: string): URL | null {
  return URL.canParse(address) ? new URL(address) : null;
}
