import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { errorLine } from '../../../base/errors.ts';
import { authenticate } from './authenticate.ts';
import { type Answered, type Asked, finish, refused, send } from './answered.ts';
import type { Actor, Answer, Call } from './call.ts';
import type { FaultBook } from './faults.ts';
import { gitRequest, serveGit } from './git-http.ts';
import type { Json } from './json.ts';
import { quotaHeaders, type Resource } from './limits.ts';
import { notFound, refuse, Refusal } from './refusal.ts';
import { fullName, type Repository, type RepoState } from './records.ts';
import { type Router, runRoute } from './router.ts';
import { stateAt, type World } from './world.ts';

/** One request that was answered. `template` is null for what no route fits, `/graphql` for GraphQL, `git` for git. */
export interface SeenRequest {
  readonly at: number;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly template: string | null;
  /** 0: the connection was cut. */
  readonly status: number;
  /** Who paid, e.g. `user ID 7`. */
  readonly key: string;
  /** What it took of the primary quota. */
  readonly cost: number;
}

/** A request and its answer, for a check against GitHub's published description. */
export interface Exchange {
  readonly method: string;
  readonly template: string;
  readonly status: number;
  readonly requestBody: Json;
  /** Null when there was none or it is no JSON. */
  readonly responseBody: unknown;
}

/** A GraphQL request: its answer, and what it costs. */
export type RunGraphql = (
  call: Omit<Call, 'params'>,
  seen: (repo: Repository) => RepoState,
) => Promise<{ readonly body: Json; readonly cost: number }>;

export interface ApiServerOptions {
  readonly world: World;
  readonly faults: FaultBook;
  readonly router: Router;
  readonly graphql: RunGraphql;
  readonly git: { readonly backend: string; readonly path: string };
  readonly onRequest: (seen: SeenRequest) => void;
  readonly onExchange: (exchange: Exchange) => void;
  readonly onTrouble: (why: string) => void;
}

// Far above anything that a route takes; GitHub's own bound is not published.
const mostBodyBytes = 1024 * 1024;
const apiVersions = ['2022-11-28', '2026-03-10'];

/** Answers HTTP as api.github.com does, and as a GitHub Enterprise Server below `/api/v3`. */
export function createApiServer(
  options: ApiServerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { world, faults, onTrouble } = options;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // The times of limits are told by our clock; who counts from now on needs to know what now is.
    response.setHeader('date', new Date(world.clock.now()).toUTCString());
    const method = request.method ?? 'GET';
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const git = gitRequest(url);
    const path = git === null ? apiPath(world, url.pathname) : url.pathname;
    const on = { method, path: `${path}${url.search}` };
    const note = (status: number, about: { template: string | null; key: string; cost: number }): void => {
      const { template, key, cost } = about;
      options.onRequest({ at: world.clock.now(), ...on, status, template, key, cost });
    };
    const late = faults.strike('delay', on)?.ms ?? 0;
    const latencyMs = Math.max(late, faults.latencyMs);
    if (latencyMs > 0) await pause(latencyMs);
    const drop = faults.strike('drop', on);
    if (drop?.when === 'before') {
      request.socket.destroy();
      note(0, { template: null, key: '', cost: 0 });
      return;
    }
    const broken = faults.strike('answer', on);
    if (broken !== null) {
      request.resume();
      response.writeHead(broken.status, { 'content-type': 'text/html; charset=utf-8', ...broken.headers });
      response.end('<html><body><h1>Whoa there!</h1></body></html>\n');
      note(broken.status, { template: null, key: '', cost: 0 });
      return;
    }
    if (git !== null) {
      const actor = actorFor(options, request);
      if (actor instanceof Refusal) response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"' }).end();
      else await serveGit({ world, ...options.git }, { ...git, actor, query: url.search.slice(1) }, request, response);
      note(response.statusCode, { template: 'git', key: '', cost: 0 });
      return;
    }
    const answered = await answer(options, { method, path, url, request });
    if (drop !== null) request.socket.destroy();
    else send(response, method, answered);
    note(drop === null ? answered.status : 0, answered);
  };
  return (request, response) => {
    serve(request, response).catch((error: unknown) => {
      onTrouble(errorLine(error));
      response.destroy();
    });
  };
}

async function answer(options: ApiServerOptions, asked: Asked): Promise<Answered> {
  const { world } = options;
  const { limits } = world;
  const { request } = asked;
  const bytes = await bodyOf(request);
  const actor = request.headers['user-agent'] === undefined ? noAgent() : actorFor(options, request);
  if (actor instanceof Refusal) return refused(actor, { template: null, key: '', cost: 0, headers: {} });
  const method = asked.method === 'HEAD' ? 'GET' : asked.method;
  const isGraphql = asked.path === '/graphql';
  const resource: Resource = isGraphql ? 'graphql' : 'core';
  // Asking for the quota costs nothing of it, and is answered when nothing is left.
  const isFree = asked.path === '/rate_limit';
  let template: string | null = isGraphql ? '/graphql' : null;
  let requestBody: Json = {};
  const told = (): Readonly<Record<string, string>> => ({
    ...quotaHeaders(limits.quota(actor.key, resource), resource),
    ...(actor.kind === 'user' && actor.scopes !== null ? { 'x-oauth-scopes': actor.scopes } : {}),
  });
  let isRunning = false;
  try {
    const found = isGraphql ? null : options.router(method, asked.path);
    template ??= found?.route.template ?? null;
    const isContent = found?.route.of === 'repo' && found.route.creates === true;
    const refusal = isFree ? null : limits.admit({ key: actor.key, resource, isWrite: method !== 'GET', isContent });
    if (refusal !== null) {
      const paid = { template, key: actor.key, cost: 0, headers: told() };
      // GraphQL says it with 200. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
      const isPrimary = isGraphql && limits.quota(actor.key, resource).remaining <= 0;
      if (!isPrimary) return refused(refusal, paid);
      const message = `API rate limit exceeded for ${actor.key}.`;
      return finish(asked, { body: { errors: [{ type: 'RATE_LIMITED', message }] } }, paid);
    }
    isRunning = !isFree;
    if (!isGraphql && !isFree) limits.charge(actor.key, resource, 1);
    checkHeaders(request);
    requestBody = jsonOf(bytes, method);
    const lag =
      method === 'GET' || isGraphql
        ? options.faults.strike('lag', { method, path: `${asked.path}${asked.url.search}` })
        : null;
    const seen = (repo: Repository): RepoState =>
      lag === null ? repo.state : stateAt(repo, world.clock.now() - lag.behindMs);
    const call = {
      world,
      actor,
      query: asked.url.searchParams,
      path: asked.path,
      headers: headersOf(request),
      body: requestBody,
    };
    if (isGraphql) {
      const { body, cost } = await options.graphql(call, seen);
      limits.charge(actor.key, 'graphql', cost);
      return finish(asked, { body }, { template, key: actor.key, cost, headers: told() });
    }
    if (found === null) throw notFound();
    const made = await runRoute({ ...call, params: found.params }, found.route, seen);
    exchanged(options, { method, template: found.route.template, made, requestBody });
    const done = finish(asked, made, { template, key: actor.key, cost: isFree ? 0 : 1, headers: {} });
    // An answer that nothing changed is free. https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    const isSame = done.status === 304 && !isFree;
    if (isSame) limits.charge(actor.key, resource, -1);
    return { ...done, cost: isSame ? 0 : done.cost, headers: { ...done.headers, ...told() } };
  } catch (error) {
    if (error instanceof Refusal) {
      if (template !== null && !isGraphql) {
        options.onExchange({ method, template, status: error.status, requestBody, responseBody: error.body });
      }
      return refused(error, { template, key: actor.key, cost: isFree ? 0 : 1, headers: told() });
    }
    options.onTrouble(
      `${method} ${asked.path}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return refused(refuse(500, 'Server Error'), { template, key: actor.key, cost: 1, headers: told() });
  } finally {
    if (isRunning) limits.done(actor.key);
  }
}

function exchanged(
  options: ApiServerOptions,
  { method, template, made, requestBody }: { method: string; template: string; made: Answer; requestBody: Json },
): void {
  const isJson = made.headers?.['content-type'] === undefined;
  const responseBody: unknown = isJson ? (made.body ?? null) : null;
  const status = made.status ?? (made.body === undefined ? 204 : 200);
  options.onExchange({ method, template, status, requestBody, responseBody });
}

/** Paths of an Enterprise server, and of a repository by its id, are other names of the plain ones. */
function apiPath(world: World, path: string): string {
  const plain = path.replace(/^\/api\/v3(?=\/|$)/, '').replace(/^\/api\/graphql$/, '/graphql');
  const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(plain);
  if (byId === null) return plain === '' ? '/' : plain;
  const repo = [...world.repos.values()].find(({ id }) => String(id) === byId[1]);
  return repo === undefined ? plain : `/repos/${fullName(repo)}${byId[2] ?? ''}`;
}

function actorFor({ world }: ApiServerOptions, request: IncomingMessage): Actor | Refusal {
  try {
    return authenticate(world, request.headers.authorization);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent */
function noAgent(): Refusal {
  const text =
    '\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header ' +
    '(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). ' +
    'Check https://developer.github.com for other possible causes.\r\n';
  return new Refusal(403, text, { 'content-type': 'text/html; charset=utf-8' });
}

function checkHeaders(request: IncomingMessage): void {
  const version = request.headers['x-github-api-version'];
  if (version !== undefined && !apiVersions.includes(String(version))) {
    throw refuse(400, `The specified API version '${String(version)}' is not supported.`);
  }
}

/** The body of a request; null when it is too large: then the rest was read and thrown away. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size <= mostBodyBytes) parts.push(part);
  }
  return size > mostBodyBytes ? null : Buffer.concat(parts);
}

function jsonOf(bytes: Buffer | null, method: string): Json {
  if (bytes === null) throw refuse(413, 'Payload too large');
  if (method === 'GET' || bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse(400, 'Problems parsing JSON');
  }
  if (Array.isArray(value)) return { labels: value };
  if (typeof value !== 'object' || value === null) throw refuse(400, 'Body should be a JSON object');
  return value as Json;
}

function headersOf(request: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}
