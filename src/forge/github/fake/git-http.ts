import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import type { Actor } from './call.ts';
import { noticePush } from './act-refs.ts';
import { covers } from './authenticate.ts';
import type { Repository } from './records.ts';
import { isAtLeast, permissionOf, type World } from './world.ts';

/** A request of git: which repository, and what in it. */
export interface GitRequest {
  readonly repo: string;
  /** Begins with a slash. */
  readonly rest: string;
  readonly isPush: boolean;
}

/** Reads `/<owner>/<repo>.git/…` (the ending may be left out, as on GitHub); null for anything else. */
export function gitRequest(url: URL): GitRequest | null {
  const found =
    /^\/([^/]+)\/([^/]+?)(?:\.git)?(\/(?:info\/refs|git-upload-pack|git-receive-pack|HEAD|objects\/.+))$/.exec(
      url.pathname,
    );
  if (found === null) return null;
  const [, owner = '', name = '', rest = ''] = found;
  const service = url.searchParams.get('service');
  return { repo: `${owner}/${name}`, rest, isPush: rest === '/git-receive-pack' || service === 'git-receive-pack' };
}

/** What the actor may do: null is nothing, not even know of it. */
function mayDo(actor: Actor, repo: Repository): 'read' | 'write' | null {
  if (actor.kind === 'user') {
    const permission = permissionOf(repo, actor.account.login);
    if (permission === 'none') return null;
    return isAtLeast(permission, 'push') ? 'write' : 'read';
  }
  if (actor.kind === 'installation' && covers({ account: actor.installation.account, repos: actor.repos }, repo)) {
    const level = actor.permissions['contents'];
    if (level !== undefined) return level;
  }
  return repo.isPrivate ? null : 'read';
}

/** Serves git over HTTP with git's own program. A push that went through moves the fake's branches and pull requests. */
export async function serveGit(
  options: { readonly world: World; readonly backend: string; readonly path: string },
  asked: GitRequest & { readonly actor: Actor; readonly query: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { world } = options;
  const repo = world.repos.get(asked.repo.toLowerCase());
  const may = repo === undefined ? null : mayDo(asked.actor, repo);
  if (repo === undefined || may === null || (asked.isPush && may !== 'write')) {
    request.resume();
    // Whoever has no token is asked for one, since it might be there.
    const isAnonymous = asked.actor.kind === 'anonymous';
    if (isAnonymous)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"' }).end('Authentication required\n');
    else
      response
        .writeHead(may === null ? 404 : 403)
        .end(may === null ? 'Repository not found.\n' : 'Permission denied.\n');
    return;
  }
  const by = asked.actor.kind === 'user' || asked.actor.kind === 'installation' ? asked.actor.account.login : '';
  await runBackend(options, { ...asked, gitDir: repo.gitDir, by }, request, response);
  if (asked.rest === '/git-receive-pack') await noticePush(world, repo, by);
  response.end();
}

/** What GitHub lets a fetch ask for, and keeps from a push. */
const config: readonly (readonly [string, string])[] = [
  ['safe.directory', '*'],
  ['uploadpack.allowFilter', 'true'],
  ['uploadpack.allowReachableSHA1InWant', 'true'],
  ['uploadpack.allowTipSHA1InWant', 'true'],
  ['receive.hideRefs', 'refs/pull'],
  ['core.hooksPath', '/dev/null'],
];

function runBackend(
  options: { readonly backend: string; readonly path: string },
  asked: { readonly gitDir: string; readonly rest: string; readonly query: string; readonly by: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const env: Record<string, string> = {
    PATH: options.path,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_PROJECT_ROOT: dirname(asked.gitDir),
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    GIT_CONFIG_COUNT: String(config.length),
    PATH_INFO: `/${basename(asked.gitDir)}${asked.rest}`,
    QUERY_STRING: asked.query,
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    REMOTE_ADDR: '127.0.0.1',
    ...(asked.by === '' ? {} : { REMOTE_USER: asked.by }),
  };
  config.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return new Promise((resolve) => {
    const child = spawn(options.backend, [], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    request.pipe(child.stdin);
    child.stdin.on('error', () => undefined);
    response.on('close', () => child.kill());
    let head: Buffer | null = Buffer.alloc(0);
    child.stdout.on('data', (bytes: Buffer) => {
      if (head === null) {
        response.write(bytes);
        return;
      }
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      writeHead(response, head.subarray(0, end).toString('latin1'));
      response.write(head.subarray(end + 4));
      head = null;
    });
    child.on('error', () => {
      resolve();
    });
    child.on('close', () => {
      resolve();
    });
  });
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split('\r\n')) {
    const [name = '', value = ''] = line.split(/:\s*/, 2);
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}
