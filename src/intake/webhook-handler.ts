import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { BodyBudget, BodyPlace } from './body-budget.ts';
import type { Receiver, ReceiverAnswer } from './receive.ts';

/** What bounds one body. Times in ms. */
export interface BodyLimits {
  readonly mostBytes: number;
  /** From the end of the header to the end of the body. */
  readonly withinMs: number;
  /** Longest silence in between. */
  readonly silenceMs: number;
}

/**
 * GitHub sends nothing over 25 MB, and gives up after 10 s: whatever is slower waits for nobody.
 * @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
 * @see https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
 */
export const gitHubBodyLimits: BodyLimits = { mostBytes: 25 * 2 ** 20, withinMs: 10_000, silenceMs: 3_000 };

/** 128 MiB: five of the largest at once, or thousands of the usual ones. */
export const usualBudget = { bodies: 256, bytes: 128 * 2 ** 20 } as const;

export interface WebhookHandlerDeps {
  readonly receiver: Receiver;
  readonly budget: BodyBudget;
  readonly limits: BodyLimits;
  readonly clock: Clock;
  /** Hears of every answer; 0: the sender went away before there was one. */
  readonly onAnswer: (status: number) => void;
}

const crowded: ReceiverAnswer = { status: 503, line: 'too many deliveries at once', retryAfterSeconds: 5 };

/** How reading a body ended. `gone`: there is nobody left to answer. */
type BodyRead =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly answer: ReceiverAnswer };

// A sender that is still sending reads our answer only if we listen a little longer; closing at once resets the connection.
const lingerMs = 1_000;

/** Answers one request of Node's HTTP server. Reads no more than the limits and the budget allow. */
export function createWebhookHandler(
  deps: WebhookHandlerDeps,
): (request: IncomingMessage, response: ServerResponse) => void {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const early = beforeBody(deps, request);
    if (early !== null) {
      refuse(deps, request, response, early);
      return;
    }
    const evicted = new AbortController();
    const place = deps.budget.enter(() => {
      evicted.abort();
    });
    if (place === null) {
      refuse(deps, request, response, crowded);
      return;
    }
    try {
      const read = await readBody(deps, request, { place, evicted: evicted.signal });
      if (read.kind === 'refused') refuse(deps, request, response, read.answer);
      else if (read.kind === 'gone') deps.onAnswer(0);
      else answer(deps, response, await deps.receiver.receive({ headers: request.headers, body: read.body }));
    } finally {
      place.leave();
    }
  };
  return (request, response) => {
    // The sender may go away while we write.
    response.on('error', () => undefined);
    void handle(request, response);
  };
}

/** What the request line and the headers are refused for. */
function beforeBody({ receiver, limits }: WebhookHandlerDeps, request: IncomingMessage): ReceiverAnswer | null {
  if (request.method !== 'POST') return { status: 405, line: `webhooks of ${receiver.forge} come here by POST` };
  if (Number(request.headers['content-length'] ?? 0) > limits.mostBytes) return tooLarge(limits);
  return receiver.refusal(request.headers);
}

function readBody(
  { limits, clock }: WebhookHandlerDeps,
  request: IncomingMessage,
  { place, evicted }: { readonly place: BodyPlace; readonly evicted: AbortSignal },
): Promise<BodyRead> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    let heardAt = clock.monotonic();
    const end = (read: BodyRead): void => {
      all.cancel();
      silence.cancel();
      evicted.removeEventListener('abort', crowdedOut);
      request.off('data', hear).off('end', finish).off('close', lost).off('error', lost);
      // An error that comes later is nobody's business, and must not end the process.
      request.on('error', () => undefined);
      resolve(read);
    };
    const refused = (status: number, line: string, retryAfterSeconds?: number): void => {
      end({
        kind: 'refused',
        answer: { status, line, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) },
      });
    };
    const tooSlow = (): void => {
      refused(408, `the body did not come within ${String(limits.withinMs / 1000)} s, or paused`);
    };
    const listen = (): ReturnType<Clock['after']> =>
      clock.after(limits.silenceMs, () => {
        const quietMs = clock.monotonic() - heardAt;
        if (quietMs >= limits.silenceMs) tooSlow();
        else silence = listen();
      });
    const hear = (part: Buffer): void => {
      heardAt = clock.monotonic();
      size += part.length;
      if (size > limits.mostBytes) {
        end({ kind: 'refused', answer: tooLarge(limits) });
        return;
      }
      if (place.take(part.length)) parts.push(part);
      else refused(503, 'too much is on its way at once', 5);
    };
    const finish = (): void => {
      place.finish();
      end({ kind: 'body', body: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size) });
    };
    const crowdedOut = (): void => {
      end({ kind: 'refused', answer: crowded });
    };
    const lost = (): void => {
      end({ kind: 'gone' });
    };
    const all = clock.after(limits.withinMs, tooSlow);
    let silence = listen();
    evicted.addEventListener('abort', crowdedOut, { once: true });
    request.on('data', hear).on('end', finish).on('close', lost).on('error', lost);
  });
}

function tooLarge({ mostBytes }: BodyLimits): ReceiverAnswer {
  return { status: 413, line: `a body has at most ${String(mostBytes)} bytes` };
}

function answer({ onAnswer }: WebhookHandlerDeps, response: ServerResponse, given: ReceiverAnswer): void {
  onAnswer(given.status);
  if (response.destroyed) return;
  response.writeHead(given.status, headersOf(given));
  response.end(`${given.line}\n`);
}

/** Answers a request whose body is not read, and closes its connection. */
function refuse(
  { onAnswer, clock }: WebhookHandlerDeps,
  request: IncomingMessage,
  response: ServerResponse,
  given: ReceiverAnswer,
): void {
  onAnswer(given.status);
  const close = (): void => {
    timer.cancel();
    response.end(() => request.destroy());
  };
  const timer = clock.after(lingerMs, close);
  request
    .on('error', () => undefined)
    .once('end', close)
    .once('close', close);
  response.writeHead(given.status, {
    ...headersOf(given),
    ...(given.status === 405 ? { Allow: 'POST' } : {}),
    Connection: 'close',
  });
  // Whole by its length; what ends it is the other side, or the timer.
  response.write(`${given.line}\n`);
  request.resume();
}

function headersOf({ line, retryAfterSeconds }: ReceiverAnswer): Record<string, string | number> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(line) + 1,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds }),
  };
}
