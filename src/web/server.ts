import { getRequestListener } from '@hono/node-server';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { GroundcrewError } from '../base/errors.ts';
import type { Hono } from 'hono';
import type { WebEnv } from './streams.ts';

/** A listening web server. */
export interface WebServer extends AsyncDisposable {
  /** `http://host:port` with the port that was given or found. */
  readonly address: string;
  readonly port: number;
  /** Stops listening and cuts what is still open; streams would never end by themselves. Twice is harmless. */
  close(): Promise<void>;
}

/**
 * What answers at an address of its own, beside the app: it reads the body by itself, and no guard for browsers stands before
 * it (who calls a webhook is shown by a signature, under whatever host name it found us).
 */
export type RawHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** By path, e.g. `/webhook/github`. */
export type RawHandlers = ReadonlyMap<string, RawHandler>;

/** Where to listen; port 0 finds a free one. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
}

/**
 * Serves the app, and the handlers of single addresses.
 * @throws GroundcrewError `web/cannot-listen` when the port is taken or the host is not ours.
 */
export async function startWebServer(
  app: Hono<WebEnv>,
  listen: ListenAt,
  handlers: RawHandlers = new Map(),
): Promise<WebServer> {
  const serveApp = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const limits = {
    // A client that sends its header or body by the drop holds a connection so long, not for ever.
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    connectionsCheckingInterval: 5_000,
    // Longer than a proxy before us keeps its own (nginx: 60 s): it must be the one that ends an idle connection, or a
    // webhook that it is just sending is lost. https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout
    keepAliveTimeout: 75_000,
  };
  const server = createServer(limits, (request, response) => {
    const handler = handlers.get(request.url?.split('?', 1)[0] ?? '');
    if (handler === undefined) void serveApp(request, response);
    else handler(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      const where = `${listen.host}:${listen.port}`;
      reject(new GroundcrewError('web/cannot-listen', `cannot listen on ${where}: ${why}`, { cause }));
    });
    server.listen(listen.port, listen.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { address: `http://${host}:${port}`, port, close, [Symbol.asyncDispose]: close };
}
