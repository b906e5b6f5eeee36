import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
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
 * Serves the app. Port 0 finds a free one.
 * @throws GroundcrewError `web/cannot-listen` when the port is taken or the host is not ours.
 */
export async function startWebServer(
  app: Hono<WebEnv>,
  listen: { readonly host: string; readonly port: number },
): Promise<WebServer> {
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  // A client that sends its header or body by the drop holds a connection this long, not for ever.
  server.headersTimeout = 15_000;
  server.requestTimeout = 60_000;
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
