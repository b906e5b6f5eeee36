import type { Context, Hono } from 'hono';
import type { AttemptDetail } from '../ledger/ledger-reader.ts';
import { attemptName, findAttempt } from './attempt-name.ts';
import { mergeEvents, type ServerEvent } from './event-stream.ts';
import { jobContentHeaders } from './guard.ts';
import { createLogViews, type LogPlace } from './log-view.ts';
import { noSuchRun } from './no-such-run.ts';
import { streamBytes, streamEvents, type WebEnv } from './streams.ts';
import type { LogWanted, WatchedAttempt, WebDeps } from './web-deps.ts';

// One server-sent event carries at most this much of a log.
const eventBytes = 48 * 1024;
const quietMs = 250;
// How long a log may take to be sealed after its attempt ended, before its stream is taken to be over.
const sealPatienceMs = 300_000;

const logHeaders = {
  ...jobContentHeaders,
  'Content-Type': 'text/plain; charset=utf-8',
  'X-Accel-Buffering': 'no',
} as const;

/**
 * The logs of attempts, below `/api/runs/:id/log`: raw and streamed, as events that resume by byte offset, and by blocks of
 * lines with search for a page that never holds the whole.
 */
export function addLogRoutes(app: Hono<WebEnv>, deps: WebDeps): void {
  const views = createLogViews(deps.openLog);

  app.get('/api/runs/:id/log', async (c) => {
    const attempt = await attemptOf(c, deps);
    if (attempt instanceof Response) return attempt;
    const fromByte = count(c.req.query('from'), 0);
    const follow = c.req.query('follow') === '1' && mayGrow(attempt, deps);
    const isDownload = c.req.query('download') === '1';
    const headers = {
      ...logHeaders,
      'X-Log-Attempt': attemptName(attempt),
      ...(isDownload ? { 'Content-Disposition': `attachment; filename="${attempt.nonce.slice(0, 8)}.log"` } : {}),
    };
    const wanted = { storePrefix: attempt.storePrefix, fromByte, follow };
    return streamBytes(c, deps, (signal) => openWatched(deps, attempt, wanted, signal), headers);
  });

  app.get('/api/runs/:id/log/events', async (c) => {
    const attempt = await attemptOf(c, deps);
    if (attempt instanceof Response) return attempt;
    // A browser that reconnects says where it was; the address still has where it began.
    const fromByte = count(c.req.header('last-event-id'), count(c.req.query('from'), 0));
    const wanted = { storePrefix: attempt.storePrefix, fromByte, follow: mayGrow(attempt, deps) };
    const log = async function* (signal: AbortSignal): AsyncGenerator<ServerEvent> {
      let byte = fromByte;
      for await (const chunk of openWatched(deps, attempt, wanted, signal)) {
        for (let at = 0; at < chunk.length; at += eventBytes) {
          const piece = chunk.subarray(at, at + eventBytes);
          byte += piece.length;
          yield { id: String(byte), data: Buffer.from(piece).toString('base64') };
        }
      }
      if (!signal.aborted) yield { event: 'end', data: String(byte) };
    };
    return streamEvents(c, deps, (signal) =>
      mergeEvents({ source: log(signal), onChange: deps.onChange, clock: deps.clock, quietMs, signal }),
    );
  });

  app.get('/api/runs/:id/log/block', async (c) => {
    const attempt = await attemptOf(c, deps);
    if (attempt instanceof Response) return attempt;
    const part = await views.part(attempt.storePrefix, placeOf(c.req.query()));
    return c.body(Uint8Array.from(part.bytes), 200, {
      ...logHeaders,
      'X-Log-Start': String(part.startByte),
      'X-Log-End': String(part.endByte),
      'X-Log-Line': String(part.firstLine),
      'X-Log-Mid-Line': part.isMidLine ? '1' : '0',
      'X-Log-Bytes': String(part.totalBytes),
      'X-Log-Lines': String(part.totalLines),
      'X-Log-Growing': mayGrow(attempt, deps) ? '1' : '0',
    });
  });

  app.get('/api/runs/:id/log/search', async (c) => {
    const attempt = await attemptOf(c, deps);
    if (attempt instanceof Response) return attempt;
    const text = c.req.query('q') ?? '';
    if (text === '' || text.length > 200) {
      return c.json({ error: 'q: 1 to 200 characters to look for', code: 'web/bad-request' }, 400);
    }
    return c.json(await views.search(attempt.storePrefix, { text, fromByte: count(c.req.query('from'), 0) }));
  });
}

/** The log, and its writer is told that somebody reads along. */
async function* openWatched(
  deps: Pick<WebDeps, 'openLog' | 'watchLog'>,
  attempt: FoundAttempt,
  wanted: LogWanted,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const leave = wanted.follow ? deps.watchLog?.(attempt) : undefined;
  try {
    yield* deps.openLog(wanted, signal);
  } finally {
    leave?.();
  }
}

type FoundAttempt = AttemptDetail & WatchedAttempt;

async function attemptOf(c: Context<WebEnv, '/api/runs/:id/log'>, deps: WebDeps): Promise<FoundAttempt | Response> {
  const run = await deps.reader.run(c.req.param('id'));
  if (run === null) return c.json({ error: noSuchRun, code: 'web/not-found' }, 404);
  const attempt = findAttempt(run, c.req.query('attempt'));
  if (attempt !== null && attempt !== undefined) return { ...attempt, jobId: run.job.id };
  return c.json({ error: 'there is no such attempt; it may not have begun', code: 'web/not-found' }, 404);
}

/** False once the log is sealed, or must be taken to be whatever the store has. */
function mayGrow(attempt: AttemptDetail, deps: Pick<WebDeps, 'clock'>): boolean {
  if (attempt.logSha256 !== null) return false;
  if (attempt.state !== 'ended') return true;
  return attempt.endedAt !== null && deps.clock.now() - attempt.endedAt < sealPatienceMs;
}

function placeOf(query: Readonly<Record<string, string>>): LogPlace {
  if (query['line'] !== undefined) return { kind: 'line', line: count(query['line'], 1) };
  if (query['from'] !== undefined) return { kind: 'from', byte: count(query['from'], 0) };
  if (query['before'] !== undefined) return { kind: 'before', byte: count(query['before'], 0) };
  return { kind: 'last' };
}

function count(text: string | undefined, otherwise: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : otherwise;
}
