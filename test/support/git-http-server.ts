import { execFileSync, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A git server over http on 127.0.0.1: git's own CGI program behind node. */
export interface GitHttpServer extends AsyncDisposable {
  /** Ends in a slash; a repository's path below the root follows. */
  readonly url: string;
  /** Headers of every request so far. */
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[];
}

/** Serves all repositories below `root`. With `authorization`, only to requests with exactly this header;
 * `isOldProtocol` gives only what a ref shows; `renamed` redirects paths that begin so, as forges do. */
export async function openGitHttpServer(
  root: string,
  authorization?: string,
  options: {
    readonly isOldProtocol?: boolean;
    readonly renamed?: { readonly from: string; readonly to: string };
  } = {},
): Promise<GitHttpServer> {
  const requests: GitHttpServer['requests'] = [];
  const backend = `${execFileSync('git', ['--exec-path']).toString('utf8').trim()}/git-http-backend`;
  const server: Server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', authorization: request.headers.authorization });
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
      return;
    }
    const { renamed } = options;
    if (renamed !== undefined && request.url?.startsWith(renamed.from) === true) {
      response.writeHead(301, { location: `${renamed.to}${request.url.slice(renamed.from.length)}` }).end();
      return;
    }
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const child = spawn(backend, [], {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        GIT_PROTOCOL: options.isOldProtocol === true ? '' : String(request.headers['git-protocol'] ?? ''),
        PATH_INFO: decodeURIComponent(pathname),
        QUERY_STRING: searchParams.toString(),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    let head = Buffer.alloc(0);
    let isBody = false;
    child.stdout.on('data', (bytes: Buffer) => {
      if (isBody) {
        response.write(bytes);
        return;
      }
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      isBody = true;
      let status = 200;
      for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
        const [name = '', value = ''] = line.split(/:\s*/, 2);
        if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.writeHead(status);
      response.write(head.subarray(end + 4));
    });
    child.on('close', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
