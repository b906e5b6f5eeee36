import type { Context } from 'hono';
import { byteStream } from './byte-stream.ts';
import { encodeEvent, eventStreamHeaders, type ServerEvent } from './event-stream.ts';
import type { WebDeps } from './web-deps.ts';

/** What the HTTP server hands along with a request; absent in tests without a socket. */
export interface WebEnv {
  Bindings: { readonly outgoing?: { destroy(): unknown } };
}

// A reader on a bad line gets this long to take one chunk.
const stallMs = 60_000;

/** Answers with bytes as they come, at the reader's pace. `produce` ends when its signal aborts. */
export function streamBytes(
  c: Context<WebEnv>,
  deps: Pick<WebDeps, 'clock' | 'logger'>,
  produce: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  headers: Readonly<Record<string, string>>,
): Response {
  const abort = new AbortController();
  // `c.env` is undefined when there is no socket, whatever its type says.
  const outgoing = (c.env as WebEnv['Bindings'] | undefined)?.outgoing;
  const body = byteStream(produce(abort.signal), {
    clock: deps.clock,
    stallMs,
    abort,
    drop: (why) => {
      deps.logger.warn('stream dropped', { path: c.req.path.slice(0, 200), why: why.slice(0, 200) });
      outgoing?.destroy();
    },
  });
  return c.body(body, 200, headers);
}

/** Answers with server-sent events, at the reader's pace. */
export function streamEvents(
  c: Context<WebEnv>,
  deps: Pick<WebDeps, 'clock' | 'logger'>,
  produce: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
): Response {
  const encoded = async function* (signal: AbortSignal): AsyncGenerator<Uint8Array> {
    // Opens the stream at once, so that a page knows it is connected.
    yield encodeEvent({});
    for await (const event of produce(signal)) yield encodeEvent(event);
  };
  return streamBytes(c, deps, encoded, eventStreamHeaders);
}
