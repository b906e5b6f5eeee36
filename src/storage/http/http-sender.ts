import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { sleep, type Clock } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { backoffMs, type Backoff } from '../../base/retry.ts';
import type { OpenSource } from '../open-source.ts';
import { trusting } from '../trusted-certificates.ts';

/** A body in up to three pieces, one after the other. */
export interface HttpBody {
  readonly head?: Uint8Array;
  readonly source?: OpenSource;
  readonly tail?: Uint8Array;
}

/** One request. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: HttpBody;
}

/** Tries and their limits. Times are ms. */
export interface HttpPace {
  readonly tries: number;
  readonly retry: Backoff;
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** Until the answer begins; a body adds the time that it takes at `slowestBytesPerSecond`. */
  readonly answerMs: number;
  readonly slowestBytesPerSecond: number;
}

/** As `S3Pace`. */
export const defaultHttpPace: HttpPace = {
  tries: 5,
  retry: { firstMs: 500, mostMs: 20_000, factor: 2 },
  idleMs: 60_000,
  answerMs: 30_000,
  slowestBytesPerSecond: 64 * 1024,
};

/** Sends requests, again where that may help. */
export interface HttpSender {
  /**
   * The answer, whatever it says; its body is to be read or destroyed. Answers that pass (429, 5xx but 501 and 507) and broken
   * connections are tried again: each request must be good twice.
   * @throws GroundcrewError `storage/unavailable` without an answer after the last try; what reading the source throws
   */
  send(request: HttpRequest): Promise<IncomingMessage>;
  /** Ends what is under way. */
  close(): void;
}

const blockBytes = 1024 * 1024;

/** Keeps connections open between requests. */
export function createHttpSender(options: {
  readonly ca?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: HttpPace;
}): HttpSender {
  const { clock, random, pace } = options;
  const keep = { keepAlive: true, maxSockets: 64 };
  const http = new HttpAgent(keep);
  const https = new HttpsAgent({ ...keep, ...trusting(options.ca) });
  const closing = new AbortController();

  const sendOnce = async (request: HttpRequest): Promise<IncomingMessage> => {
    const url = new URL(request.url);
    const { body } = request;
    const sizeBytes = (body?.head?.length ?? 0) + (body?.source?.sizeBytes ?? 0) + (body?.tail?.length ?? 0);
    const late = new AbortController();
    const how = {
      method: request.method,
      headers: { ...request.headers, ...(body === undefined ? {} : { 'content-length': sizeBytes }) },
      timeout: pace.idleMs,
      signal: AbortSignal.any([closing.signal, late.signal]),
    };
    const sending =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...how, agent: https })
        : httpRequest(url, { ...how, agent: http });
    sending.on('timeout', () => {
      sending.destroy(Object.assign(new Error('nothing came or went'), { code: 'ETIMEDOUT' }));
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sending.once('response', resolve);
      sending.on('error', reject);
    });
    const isOver = { isOver: false };
    const over = answered.then(
      () => void (isOver.isOver = true),
      () => void (isOver.isOver = true),
    );
    const timer = clock.after(pace.answerMs + (sizeBytes / pace.slowestBytesPerSecond) * 1000, () => {
      late.abort(new Error('no answer in time'));
    });
    // The socket keeps the process alive, the timer does not.
    try {
      const isSent = await writeBody(sending, body ?? {}, { over, isOver: () => isOver.isOver });
      const answer = await answered;
      // A refusal in the midst of the body: the rest of it is not sent, so the connection is of no more use.
      if (!isSent) answer.once('close', () => sending.destroy());
      return answer;
    } catch (error) {
      sending.destroy();
      throw error;
    } finally {
      timer.cancel();
    }
  };

  return {
    async send(request) {
      for (let tried = 1; ; tried++) {
        let why: unknown;
        try {
          const answer = await sendOnce(request);
          if (tried >= pace.tries || !isPassing(answer.statusCode ?? 0)) return answer;
          answer.destroy();
        } catch (error) {
          if (error instanceof GroundcrewError) throw error;
          why = error;
        }
        if (why !== undefined && (tried >= pace.tries || closing.signal.aborted)) {
          const said = `${request.method} ${placeIn(request.url)}: no answer: ${wordsOf(why)}`;
          throw new GroundcrewError('storage/unavailable', said, { retry: 'later', cause: why });
        }
        await sleep(clock, backoffMs(pace.retry, tried, random), closing.signal);
      }
    },
    close() {
      closing.abort();
      http.destroy();
      https.destroy();
    },
  };
}

/** True when the same request may succeed in a moment. 501 and 507 (disk full) do not pass soon. */
export function isPassing(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501 && status !== 507);
}

/** An address for people: without its query, which may hold signatures. */
export function placeIn(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

/** False: an answer came, or the connection broke, before all was sent. */
async function writeBody(
  sending: ClientRequest,
  { head, source, tail }: HttpBody,
  end: { readonly over: Promise<void>; readonly isOver: () => boolean },
): Promise<boolean> {
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!end.isOver() && !sending.write(bytes)) await Promise.race([drained(sending), end.over]);
  };
  if (head !== undefined) await write(head);
  for (let at = 0; source !== undefined && at < source.sizeBytes && !end.isOver(); at += blockBytes) {
    await write(await source.read(at, Math.min(source.sizeBytes, at + blockBytes)));
  }
  if (tail !== undefined) await write(tail);
  if (end.isOver()) return false;
  sending.end();
  return true;
}

function drained(sending: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    sending.once('drain', resolve);
  });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `${code} (${error.message})`.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300);
}
