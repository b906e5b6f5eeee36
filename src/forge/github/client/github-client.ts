import { Octokit } from '@octokit/core';
import type { z } from 'zod';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../../base/errors.ts';
import { plain } from '../../../base/git.ts';
import type { Account } from '../account/account.ts';
import { refusalOf } from './github-error.ts';
import type { GitHubReply } from './github-reply.ts';
import { linkTarget } from './link-header.ts';
import { type Transport, whatOf } from './transport.ts';

/** How one call goes out. */
export interface CallOptions {
  readonly account: Account;
  readonly signal: AbortSignal;
  /** A write that may be sent twice. Reads always may. */
  readonly isIdempotent?: boolean;
  /** False: it makes nothing that people see (a token), so it is not spaced as GitHub asks for content. */
  readonly isContent?: boolean;
  readonly accept?: string;
  readonly mostBytes?: number;
  /** The first `mostBytes` are enough. */
  readonly mayCut?: boolean;
}

/** Values for the `{…}` of a route; what has no place there goes into the query or, when writing, into the body. */
export type Parameters = Readonly<
  Record<string, string | number | boolean | readonly string[] | Readonly<Record<string, string>>>
>;

/**
 * GitHub's REST and GraphQL, with answers that passed a schema. A refusal is an error by its kind (`refusalOf`); calls with
 * `OrNull` take "not there" as a value. Routes are written as GitHub's documentation does: `GET /repos/{owner}/{repo}`.
 */
export interface GitHubClient {
  get<S extends z.ZodType>(
    route: string,
    parameters: Parameters,
    schema: S,
    options: CallOptions,
  ): Promise<z.output<S>>;
  getOrNull<S extends z.ZodType>(
    route: string,
    parameters: Parameters,
    schema: S,
    options: CallOptions,
  ): Promise<z.output<S> | null>;
  /** Page after page as its `Link` headers tell; 100 a page. */
  pages<S extends z.ZodType>(
    route: string,
    parameters: Parameters,
    schema: S,
    options: CallOptions,
  ): AsyncIterable<z.output<S>>;
  /** The answer as it is, refusals too. */
  raw(route: string, parameters: Parameters, options: CallOptions): Promise<GitHubReply>;
  write<S extends z.ZodType>(
    route: string,
    parameters: Parameters,
    schema: S,
    options: CallOptions,
  ): Promise<z.output<S>>;
  /** Fields that are not there are null in `data`; everything else that GitHub complains about is an error. */
  graphql<S extends z.ZodType>(
    query: { readonly query: string; readonly variables: Readonly<Record<string, string | number>> },
    schema: S,
    options: CallOptions,
  ): Promise<z.output<S>>;
}

/** Lists of pull requests have some 20 kB an entry. */
const mostBytes = 32 * 1024 * 1024;
const mostPages = 200;
// https://docs.github.com/en/rest/about-the-rest-api/api-versions
const apiVersion = '2022-11-28';

export function createGitHubClient(options: {
  readonly transport: Transport;
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise server; without slash at the end. */
  readonly apiUrl: string;
  readonly log: { warn(message: string): void };
}): GitHubClient {
  const { transport, apiUrl } = options;
  const origin = new URL(apiUrl).origin;
  // https://docs.github.com/en/enterprise-server@latest/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
  const graphqlUrl = apiUrl.replace(/\/api\/v3$/, '/api') + '/graphql';
  const quiet = (): void => undefined;
  const octokit = new Octokit({
    baseUrl: apiUrl,
    userAgent: 'groundcrew',
    log: {
      debug: quiet,
      info: quiet,
      warn: (message: string) => {
        options.log.warn(plain(message).slice(0, 500));
      },
      error: quiet,
    },
  });

  /** Octokit knows how a route and its values become a request; everything below that is ours. */
  const send = async (
    route: string,
    parameters: Parameters,
    kind: 'read' | 'graphql' | 'write',
    call: CallOptions,
  ): Promise<GitHubReply> => {
    let reply: GitHubReply | null = null;
    const ourFetch = async (
      url: string,
      init: { method: string; headers: Record<string, string>; body?: string },
    ): Promise<Response> => {
      reply = await transport.send({
        account: call.account,
        kind,
        method: init.method,
        url,
        headers: Object.fromEntries(Object.entries(init.headers).map(([name, value]) => [name.toLowerCase(), value])),
        body: init.body ?? null,
        isIdempotent: kind !== 'write' || call.isIdempotent === true,
        mostBytes: call.mostBytes ?? mostBytes,
        mayCut: call.mayCut ?? false,
        signal: call.signal,
      });
      // The answer is read from `reply`: Octokit would parse every number twice, and throw for a 304.
      return new Response(null, { status: 204 });
    };
    try {
      await octokit.request(route, {
        ...parameters,
        headers: { accept: call.accept ?? 'application/vnd.github+json', 'x-github-api-version': apiVersion },
        request: { fetch: ourFetch },
      });
    } catch (error) {
      // Octokit wraps what its fetch throws.
      if (error instanceof Error && isGroundcrewError(error.cause)) throw error.cause;
      throw error;
    }
    if (reply === null)
      throw new GroundcrewError('forge/bad-answer', `${route}: no answer was read`, { retry: 'later' });
    return reply;
  };

  const read = async <S extends z.ZodType>(
    route: string,
    parameters: Parameters,
    schema: S,
    call: CallOptions,
  ): Promise<z.output<S>> => parsed(accepted(await send(route, parameters, 'read', call), route), schema, route);

  return {
    get: read,
    async getOrNull(route, parameters, schema, call) {
      const reply = await send(route, parameters, 'read', call);
      return isMissing(reply) ? null : parsed(accepted(reply, route), schema, route);
    },
    async *pages(route, parameters, schema, call) {
      let reply = accepted(await send(route, { per_page: 100, ...parameters }, 'read', call), route);
      for (let page = 1; ; page += 1) {
        yield parsed(reply, schema, route);
        const next = linkTarget(reply.headers.get('link'), 'next');
        if (next === null || page >= mostPages) return;
        // Whatever the answer says, our token goes to GitHub only.
        if (!URL.canParse(next) || new URL(next).origin !== origin) {
          throw new GroundcrewError('forge/bad-answer', `${route}: the next page is elsewhere`, { retry: 'later' });
        }
        // Braces would be a route's.
        const url = next.replaceAll('{', '%7B').replaceAll('}', '%7D');
        reply = accepted(await send(`GET ${url}`, {}, 'read', call), route);
      }
    },
    raw: (route, parameters, call) => send(route, parameters, 'read', call),
    async write(route, parameters, schema, call) {
      const kind = call.isContent === false ? 'read' : 'write';
      return parsed(accepted(await send(route, parameters, kind, call), route), schema, route);
    },
    async graphql({ query, variables }, schema, call) {
      // A fixed route without placeholders: the variables are an object of their own in the body.
      const reply = accepted(
        await send(`POST ${graphqlUrl}`, { query, variables } as unknown as Parameters, 'graphql', call),
        'POST /graphql',
      );
      return parsed(graphqlData(reply), schema, 'POST /graphql');
    },
  };
}

/** @throws GroundcrewError of the refusal */
function accepted(reply: GitHubReply, route: string): GitHubReply {
  const refusal = refusalOf(
    reply,
    route.startsWith('GET http') ? whatOf({ method: 'GET', url: route.slice(4) }) : route,
  );
  if (refusal !== null) throw refusal;
  return reply;
}

function isMissing({ status }: GitHubReply): boolean {
  return status === 404 || status === 410;
}

function parsed<S extends z.ZodType>(
  reply: GitHubReply | { readonly value: unknown },
  schema: S,
  route: string,
): z.output<S> {
  const bad = (why: string, cause?: unknown): GroundcrewError =>
    new GroundcrewError('forge/bad-answer', `${route}: ${why}`.slice(0, 500), { retry: 'later', cause });
  let value: unknown = null;
  if ('value' in reply) ({ value } = reply);
  else if (reply.body.length > 0) {
    try {
      value = JSON.parse(reply.body.toString('utf8'));
    } catch (error) {
      throw bad('the answer is no JSON', error);
    }
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw bad(`the answer is not as documented at ${plain(issue?.path.join('.') ?? '')}: ${issue?.message ?? ''}`);
  }
  return result.data;
}

/** https://spec.graphql.org/October2021/#sec-Errors; GitHub adds `type`. */
function graphqlData(reply: GitHubReply): { readonly value: unknown } {
  let answer: { data?: unknown; errors?: { type?: unknown; message?: unknown }[] };
  try {
    answer = JSON.parse(reply.body.toString('utf8')) as typeof answer;
  } catch (cause) {
    throw new GroundcrewError('forge/bad-answer', 'POST /graphql: the answer is no JSON', { retry: 'later', cause });
  }
  const errors = Array.isArray(answer.errors) ? answer.errors : [];
  const serious = errors.find(({ type }) => type !== 'NOT_FOUND');
  if (serious === undefined && answer.data !== undefined && answer.data !== null) return { value: answer.data };
  const first = serious ?? errors[0];
  const message = `POST /graphql: ${plain(errorLine(first?.message ?? 'an answer without data'))}`.slice(0, 500);
  if (first?.type === 'NOT_FOUND') throw new GroundcrewError('forge/not-found', message, { retry: 'never' });
  if (first?.type === 'FORBIDDEN' || first?.type === 'INSUFFICIENT_SCOPES') {
    throw new GroundcrewError('forge/forbidden', message, { retry: 'never' });
  }
  // "Something went wrong while executing your query": too much at once, or a bad day of theirs.
  throw new GroundcrewError('forge/unreachable', message, { retry: 'later' });
}
