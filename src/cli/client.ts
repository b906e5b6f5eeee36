import { z } from 'zod';
import { GroundcrewError, UsageError } from '../base/errors.ts';
import { findServer, type ServerFile } from '../config/server-file.ts';
import type { StatePaths } from '../config/state-dir.ts';
import type { WorkerWish } from '../ledger/ledger-reader.ts';

/** A person's wish, as `POST /api/requests` takes it (see `web/submit.ts`). */
export interface Ask {
  readonly kind: 'retry' | 'cancel' | 'approve' | 'test';
  readonly by: string;
  readonly jobId?: string;
  readonly repo?: string;
  readonly changeKey?: string;
  readonly sha?: string;
  readonly contexts?: readonly string[];
}

/** The running server of this user, as a client sees it. */
export interface Client {
  readonly url: string;
  /** Resolves when the wish is recorded durably; it is carried out soon after. */
  ask(ask: Ask, signal: AbortSignal): Promise<{ readonly deliveryId: string }>;
  /** @throws GroundcrewError `cli/refused`: no worker of that name */
  wish(
    wish: { readonly worker: string; readonly wish: WorkerWish; readonly by: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** What the server answers to `GET path`, JSON. @throws GroundcrewError `cli/refused` with its reason */
  get(path: string, signal: AbortSignal): Promise<unknown>;
  /** The lines of JSON that it answers to `POST path`, each as it comes; nothing limits how long that takes. */
  lines(path: string, body: unknown, signal: AbortSignal): AsyncIterable<unknown>;
  /**
   * The bytes that it answers to `GET path`, each as it comes, to the end of the answer or until `signal` aborts.
   * @throws GroundcrewError `cli/no-answer` when it goes meanwhile or says nothing for 5 minutes, `cli/refused`
   */
  bytes(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

const answerTimeoutMs = 15_000;
/** For answers for which the server asks a forge first. */
const forgeTimeoutMs = 90_000;
/** Characters; no answer of ours to one question is longer. */
const mostAnswer = 4 * 2 ** 20;
const accepted = z.object({ deliveryId: z.string() });
const refused = z.object({ error: z.string() });

/**
 * Finds the server that was started on this state directory.
 * @throws GroundcrewError `cli/no-server` when there is none, or the one that was is dead.
 */
export function connect(paths: StatePaths): Client {
  const found = findServer(paths.serverFile);
  switch (found.kind) {
    case 'running':
      return clientOf(found.server);
    case 'none':
      throw new GroundcrewError('cli/no-server', `no server runs on ${paths.stateDir}; start one: groundcrew up`);
    case 'stale':
      throw new GroundcrewError(
        'cli/no-server',
        `the server of ${paths.stateDir} (process ${String(found.pid)}) is gone; start it again: groundcrew up`,
      );
    case 'unsafe':
      throw new GroundcrewError(
        'cli/no-server',
        `${paths.serverFile}: ${found.why}; remove it and start the server again`,
      );
    default:
      return found satisfies never;
  }
}

/** The same; null when no server runs there. */
export function connectIfRunning(paths: Pick<StatePaths, 'serverFile'>): Client | null {
  const found = findServer(paths.serverFile);
  return found.kind === 'running' ? clientOf(found.server) : null;
}

type Server = Pick<ServerFile, 'url' | 'token'>;

function clientOf(server: Server): Client {
  return {
    url: server.url,
    ask: (ask, signal) => post(server, ask, signal),
    wish: (wish, signal) => postWish(server, wish, signal),
    get: (path, signal) => get(server, path, signal),
    lines: (path, body, signal) => lines(server, { path, body }, signal),
    bytes: (path, signal) => stream(server, path, { method: 'GET' }, signal),
  };
}

async function postWish(server: Server, wish: unknown, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
  const response = await call(server, '/api/workers', { method: 'POST', body: JSON.stringify(wish) }, limit, signal);
  if (response.status !== 202) throw refusal(server, response.status, await textOf(server, response, signal), 'this');
}

async function post(server: Server, ask: Ask, signal: AbortSignal): Promise<{ readonly deliveryId: string }> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]);
  const response = await call(server, '/api/requests', { method: 'POST', body: JSON.stringify(ask) }, limit, signal);
  const text = await textOf(server, response, signal);
  if (response.status === 202) {
    const answer = accepted.safeParse(asJson(text));
    if (answer.success) return answer.data;
  }
  throw refusal(server, response.status, text, `to ${ask.kind}`);
}

async function get(server: Server, path: string, signal: AbortSignal): Promise<unknown> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(forgeTimeoutMs)]);
  const response = await call(server, path, { method: 'GET' }, limit, signal);
  const text = await textOf(server, response, signal);
  if (response.status === 200) return asJson(text);
  throw refusal(server, response.status, text, 'this');
}

async function* lines(
  server: Server,
  { path, body }: { readonly path: string; readonly body: unknown },
  signal: AbortSignal,
): AsyncGenerator {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of stream(server, path, { method: 'POST', body: JSON.stringify(body) }, signal)) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield asJson(part);
  }
}

async function* stream(
  server: Server,
  path: string,
  init: RequestInit,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const response = await call(server, path, init, signal, signal);
  if (response.status !== 200 || response.body === null) {
    throw refusal(server, response.status, await textOf(server, response, signal), 'this');
  }
  try {
    for await (const bytes of response.body as AsyncIterable<Uint8Array>) yield bytes;
  } catch (cause) {
    if (signal.aborted) return;
    throw silent(server, cause);
  }
}

/** `limit` ends the call; `signal` is the person's own wish among what it is made of. */
async function call(
  server: Server,
  path: string,
  init: RequestInit,
  limit: AbortSignal,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(`${server.url}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      signal: limit,
      redirect: 'error',
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw silent(server, cause);
  }
}

async function textOf(server: Server, response: Response, signal: AbortSignal): Promise<string> {
  try {
    return (await response.text()).slice(0, mostAnswer);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw silent(server, cause);
  }
}

function silent(server: Server, cause: unknown): GroundcrewError {
  return new GroundcrewError('cli/no-answer', `the server at ${server.url} does not answer; is it still running?`, {
    cause,
    retry: 'later',
  });
}

function refusal(server: Server, status: number, text: string, what: string): GroundcrewError {
  if (status === 401 || status === 403) {
    return new GroundcrewError('cli/refused', `the server at ${server.url} does not take our token; restart it`);
  }
  const said = refused.safeParse(asJson(text));
  const why = said.success ? said.data.error : `it answered ${String(status)}`;
  // Something that is not there, or a word that it does not take, is for the person to mend.
  const isOurs = said.success && (status === 400 || status === 404 || status === 422);
  const Refused = isOurs ? UsageError : GroundcrewError;
  return new Refused('cli/refused', `the server refused ${what}: ${why}`);
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
