import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CleansUp } from './temp-dir.ts';

/** A request as it came. */
export interface CameIn {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to answer; `null`: cut the connection. */
export type Scripted = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
} | null;

/** A small server whose answers a test writes, on 127.0.0.1. */
export async function openScriptedHttp(
  context: CleansUp,
  answer: (request: CameIn, nth: number) => Scripted | Promise<Scripted>,
): Promise<{ readonly url: string; readonly seen: readonly CameIn[] }> {
  const seen: CameIn[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const came = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      seen.push(came);
      void Promise.resolve(answer(came, seen.length)).then((said) => {
        if (said === null) {
          request.socket.destroy();
          return;
        }
        response.writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers });
        response.end(said.body ?? '');
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
