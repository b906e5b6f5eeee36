import { type Clock, sleep } from '../../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../../base/errors.ts';
import { plain } from '../../../base/git.ts';
import { hashOf } from '../../../base/ids.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Random } from '../../../base/random.ts';
import { backoffMs } from '../../../base/retry.ts';
import type { Account } from '../account/account.ts';
import type { GitHubCache } from './github-cache.ts';
import type { GitHubMeter, RequestKind } from '../github-meter.ts';
import { type GitHubReply, readReply } from './github-reply.ts';
import { createSharing } from './sharing.ts';

/** One request. Header names in lower case; the account's authorization is added here and never seen above. */
export interface GitHubRequest {
  readonly account: Account;
  readonly kind: RequestKind;
  readonly method: string;
  /** Absolute, of our API. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Sending it twice does no harm, so it is tried again when nobody knows whether it arrived. */
  readonly isIdempotent: boolean;
  /** More of the answer is not read. With `mayCut` the beginning is enough; else it is an error. */
  readonly mostBytes: number;
  readonly mayCut: boolean;
  readonly signal: AbortSignal;
}

/** Sends requests: conditional where an answer is known, shared where an equal one is under way, no faster than allowed. */
export interface Transport {
  /**
   * Any answer but a limit is a reply, a refusal too.
   * @throws GroundcrewError `forge/unreachable`, `forge/rate-limited`, `forge/bad-answer` (too large), `forge/aborted`
   */
  send(request: GitHubRequest): Promise<GitHubReply>;
}

export interface TransportOptions {
  readonly forge: string;
  readonly cache: GitHubCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly meter: GitHubMeter;
  readonly fetch?: typeof fetch;
}

/** GitHub itself gives up after 10 s; what takes this long is a dead connection. */
const timeoutMs = 30_000;
const mostTries = 4;
const mostLimited = 3;
const mostRedirects = 3;
/** Statuses that mostly pass. */
const passing: ReadonlySet<number> = new Set([408, 500, 502, 503, 504]);
const backoff = { firstMs: 400, mostMs: 5_000, factor: 2.5 };
/** What a later caller may need of an answer. */
const keptHeaders = ['content-type', 'link', 'etag', 'last-modified', 'x-oauth-scopes', 'date'];

export function createTransport(options: TransportOptions): Transport {
  const { forge, cache, clock, logger, meter } = options;
  const doFetch = options.fetch ?? fetch;
  const sharing = createSharing<GitHubReply>();

  /** One try on the wire; the clock of the time-out runs until the body is here. */
  const once = async (request: GitHubRequest, authorization: string, etag: string | null): Promise<GitHubReply> => {
    const late = new AbortController();
    const timer = clock.after(timeoutMs, () => {
      late.abort(new Error(`no answer within ${timeoutMs / 1000} s`));
    });
    const began = clock.monotonic();
    let status = 0;
    try {
      let { url } = request;
      for (let redirects = 0; ; redirects += 1) {
        const response = await doFetch(url, {
          method: request.method,
          headers: { ...request.headers, authorization, ...(etag === null ? {} : { 'if-none-match': etag }) },
          body: request.body,
          redirect: 'manual',
          signal: AbortSignal.any([request.signal, late.signal]),
        });
        status = response.status;
        const next = redirectOf(response, url);
        if (next === null || redirects >= mostRedirects || !mayFollow(request.method, status)) {
          return await readReply(response, request.mostBytes);
        }
        await response.body?.cancel();
        url = next;
      }
    } catch (error) {
      throw late.signal.aborted ? late.signal.reason : error;
    } finally {
      timer.cancel();
      meter.requested({ forge, kind: request.kind, status, ms: clock.monotonic() - began });
    }
  };

  const pauseBefore = async (tried: number, request: GitHubRequest, why: string): Promise<void> => {
    const ms = backoffMs(backoff, tried, options.random);
    logger.info('trying a request to GitHub again', { forge, why, ms, what: whatOf(request) });
    meter.waited({ forge, why: 'retry', ms });
    await sleep(clock, ms, request.signal);
  };

  const sendNow = async (request: GitHubRequest): Promise<GitHubReply> => {
    const key = cacheKey(request);
    const known = isConditional(request) ? cache.answer(key) : null;
    let limited = 0;
    let other: string | null = null;
    for (let tried = 1; ; tried += 1) {
      const authorization: string = other ?? (await request.account.authorization(request.signal));
      const leave = await request.account.governor.enter(request);
      let reply: GitHubReply | null = null;
      let trouble: unknown = null;
      try {
        reply = await once(request, authorization, known?.etag ?? null);
      } catch (error) {
        trouble = error;
      }
      const { isLimited } = leave(reply);
      if (request.signal.aborted) throw abortedError();
      if (reply === null) {
        if (!request.isIdempotent || tried >= mostTries) throw unreachable(request, trouble);
        await pauseBefore(tried, request, errorLine(trouble));
      } else if (isLimited) {
        limited += 1;
        // It was refused, not done; the governor holds us as long as GitHub said, or gives up for us.
        if (limited > mostLimited) throw limitedError(request);
        tried -= 1;
      } else if (reply.status === 401 && other === null) {
        // A token may be revoked before its time. Where there is no other one, this is the answer.
        other = await request.account.authorization(request.signal, true);
        if (other === authorization) return reply;
      } else if (passing.has(reply.status) && request.isIdempotent && tried < mostTries) {
        await pauseBefore(tried, request, `status ${reply.status}`);
      } else {
        return finish(request, key, known, reply);
      }
    }
  };

  const finish = (
    request: GitHubRequest,
    key: string,
    known: ReturnType<GitHubCache['answer']>,
    reply: GitHubReply,
  ): GitHubReply => {
    if (reply.status === 304 && known !== null) {
      meter.saved({ forge, by: 'not-modified' });
      const isCut = known.body.length > request.mostBytes;
      const body = known.body.subarray(0, request.mostBytes);
      return { status: 200, headers: new Map(Object.entries(known.headers)), body, isCut };
    }
    if (reply.isCut && !request.mayCut) {
      const message = `${whatOf(request)}: the answer has more than ${request.mostBytes} bytes`;
      throw new GroundcrewError('forge/bad-answer', message, { retry: 'later' });
    }
    const etag = reply.headers.get('etag');
    if (isConditional(request) && reply.status === 200 && etag !== undefined && !reply.isCut) {
      const headers = Object.fromEntries([...reply.headers].filter(([name]) => keptHeaders.includes(name)));
      void cache.keepAnswer(key, { etag, headers, body: reply.body });
    }
    return reply;
  };

  return {
    send(request) {
      if (!isConditional(request)) return sendNow(request);
      const sharedKey = `${cacheKey(request)} ${request.mostBytes}`;
      return sharing.join(sharedKey, request.signal, {
        start: (signal) => sendNow({ ...request, signal }),
        onShared: () => {
          meter.saved({ forge, by: 'shared' });
        },
      });
    },
  };
}

/** Only what asks and changes nothing has an ETag worth keeping. */
function isConditional(request: GitHubRequest): boolean {
  return request.method === 'GET';
}

/** An ETag is good for one account, address and form of the answer. */
function cacheKey({ account, url, headers }: GitHubRequest): string {
  return hashOf([account.id, headers['accept'] ?? '', url], 40);
}

/** Where a renamed repository is now. Another origin would get our token: never. */
function redirectOf(response: Response, from: string): string | null {
  const location = response.headers.get('location');
  if (![301, 302, 307, 308].includes(response.status) || location === null || !URL.canParse(location, from))
    return null;
  const to = new URL(location, from);
  return to.origin === new URL(from).origin ? to.href : null;
}

/**
 * What is written to a renamed repository is answered by 307, and asks to be sent again as it is; after a 301 or 302 a write
 * might become a GET. https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
 */
function mayFollow(method: string, status: number): boolean {
  return method === 'GET' || status === 307 || status === 308;
}

/** Method and path, fit for logs and messages. */
export function whatOf({ method, url }: Pick<GitHubRequest, 'method' | 'url'>): string {
  return plain(`${method} ${URL.canParse(url) ? new URL(url).pathname : url}`).slice(0, 300);
}

function unreachable(request: GitHubRequest, cause: unknown): GroundcrewError {
  if (isGroundcrewError(cause)) return cause;
  // Node hides the reason below "fetch failed".
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const message = `${whatOf(request)}: GitHub does not answer: ${plain(errorLine(reason))}`;
  return new GroundcrewError('forge/unreachable', message, { retry: 'later', cause: reason });
}

function limitedError(request: GitHubRequest): GroundcrewError {
  const message = `${whatOf(request)}: GitHub refused it for its limits again and again`;
  return new GroundcrewError('forge/rate-limited', message, { retry: 'later' });
}

function abortedError(): GroundcrewError {
  return new GroundcrewError('forge/aborted', 'a request to GitHub was given up by whoever asked for it', {
    retry: 'later',
  });
}
