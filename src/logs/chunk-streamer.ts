import { open, stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { sleep, type Clock, type Timer } from '../base/clock.ts';
import { GroundcrewError, isGroundcrewError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { backoffMs, type Backoff } from '../base/retry.ts';
import type { ObjectStore, PutOptions, Visibility } from '../storage/object-store.ts';
import { appendFlush, type WeighedChunk } from './chunk-merge.ts';
import { formatChunkList, isTransientKey, logLayout, parseChunkList } from './log-layout.ts';
import type { LogSink, SealedLog } from './log-sink.ts';
import { unfinishedUtf8 } from './utf8-border.ts';

/** What a streamer copies, and where to. */
export interface ChunkStreamerOptions {
  /** The log on the worker's disk: grows at its end only. */
  readonly file: string;
  readonly store: ObjectStore;
  /** Key prefix of the attempt, without a slash at its end. */
  readonly prefix: string;
  readonly visibility: Visibility;
  readonly clock: Clock;
  readonly random: Random;
  /** While somebody watches: so many bytes of the log can be read now. */
  readonly onCopied?: (sizeBytes: number) => void;
  /** The store has nothing of this attempt: what an earlier process left need not be looked for. */
  readonly isNew?: boolean;
  /** Hears of the first failure; the streamer goes on trying. */
  readonly onTrouble: (error: unknown) => void;
  /** When it aborts, nothing more is copied; `seal` has its own. */
  readonly signal: AbortSignal;
  readonly pace?: Partial<StreamPace>;
}

/** How eagerly a log is copied. Sizes are bytes. */
export interface StreamPace {
  /** From the first bytes to the first flush, unless somebody watches: the log of a job that is over by then is never cut. */
  readonly firstFlushMs: number;
  /** Between two flushes, when little is waiting. */
  readonly flushMs: number;
  /** The same, while somebody watches. */
  readonly watchedFlushMs: number;
  /** So much waiting is flushed at once. */
  readonly flushBytes: number;
  /** The most that one flush copies. */
  readonly pieceMaxBytes: number;
  /**
   * A log that grows faster is copied no faster: nobody reads along at that speed, the complete log comes whole at the
   * seal, and the copy would cost the job's own writing half of its speed.
   */
  readonly bytesPerSecond: number;
  /** Chunks are merged up to this size. */
  readonly mergedMaxBytes: number;
  readonly retry: Backoff;
}

const mebibyte = 1024 * 1024;

/** For a store on the same machine. */
export const localPace: StreamPace = {
  firstFlushMs: 0,
  flushMs: 100,
  watchedFlushMs: 100,
  flushBytes: 4 * mebibyte,
  pieceMaxBytes: 8 * mebibyte,
  bytesPerSecond: 32 * mebibyte,
  mergedMaxBytes: 4 * mebibyte,
  retry: { firstMs: 500, mostMs: 60_000, factor: 2 },
};

/** For a store on the same machine as a server that tells when somebody watches. */
export const apartPace: StreamPace = { ...localPace, firstFlushMs: 1_000 };

/** For a store elsewhere, where each flush is two requests that are paid for: large chunks, seldom, unless somebody watches. */
export const remotePace: StreamPace = {
  ...localPace,
  firstFlushMs: 1_000,
  flushMs: 30_000,
  watchedFlushMs: 1_000,
  flushBytes: 8 * mebibyte,
  mergedMaxBytes: 8 * mebibyte,
};

/**
 * Cuts a job's log into objects that a browser can tail with no server (layout in `log-layout.ts`). The first bytes go soon (on
 * this machine at once, since nobody says who watches there); later ones wait for `flushMs` or `flushBytes`. A code point of UTF-8 text is never cut. After a restart it goes on
 * behind the chunks that the store already lists.
 */
export function createChunkStreamer(options: ChunkStreamerOptions): LogSink {
  return new ChunkStreamer(options);
}

class ChunkStreamer implements LogSink {
  readonly #options: ChunkStreamerOptions;
  readonly #pace: StreamPace;
  #sizeBytes = 0;
  /** Null until the store was asked what an earlier process left. */
  #chunks: readonly WeighedChunk[] | null = null;
  /** When it last flushed, by the monotonic clock; null until the first flush. */
  #flushedAt: number | null = null;
  /** When the first bytes came. */
  #grewAt: number | null = null;
  /** What it copied then. */
  #pieceBytes = 0;
  #flush: Promise<void> | null = null;
  #timer: Timer | null = null;
  /** Failures in a row. While there are any, only the timer starts a flush. */
  #failures = 0;
  #hasTold = false;
  /** By the monotonic clock. */
  #watchedUntil = -Infinity;
  /** The size at which nothing but a part of a code point was waiting. */
  #heldAtBytes = -1;
  /** Sealing or sealed: chunks are of no use any more. */
  #isEnding = false;

  constructor(options: ChunkStreamerOptions) {
    this.#options = options;
    this.#pace = { ...localPace, ...options.pace };
    if (options.isNew === true) this.#chunks = [];
  }

  grew(sizeBytes: number): void {
    if (sizeBytes <= this.#sizeBytes) return;
    this.#sizeBytes = sizeBytes;
    this.#grewAt ??= this.#options.clock.monotonic();
    if (this.#failures === 0) this.#plan();
  }

  watched(forMs: number): void {
    this.#watchedUntil = this.#options.clock.monotonic() + forMs;
    if (this.#failures === 0) this.#plan();
  }

  async seal(total: SealedLog, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    this.#isEnding = true;
    this.#timer?.cancel();
    const stop = aborted(signal);
    try {
      await Promise.race([this.#flush, stop]);
      for (let tried = 1; ; tried++) {
        try {
          await Promise.race([this.#complete(total), stop]);
          return;
        } catch (error) {
          signal.throwIfAborted();
          if (isGroundcrewError(error, 'logs/seal-mismatch')) throw error;
          this.#tell(error);
        }
        await sleep(clock, backoffMs(this.#pace.retry, tried, random), signal);
        signal.throwIfAborted();
      }
    } catch (cause) {
      if (isGroundcrewError(cause, 'logs/seal-mismatch')) throw cause;
      throw new GroundcrewError('logs/seal-aborted', 'the log is not yet complete in the store', {
        retry: 'later',
        cause,
      });
    }
  }

  /** Starts a flush, now or later, if there is something to flush and none is on its way. */
  #plan(): void {
    const { clock, signal } = this.#options;
    const waiting = this.#sizeBytes - (this.#chunks?.at(-1)?.end ?? 0);
    if (this.#isEnding || signal.aborted || this.#flush !== null || waiting <= 0) return;
    if (this.#sizeBytes === this.#heldAtBytes) return;
    const since = this.#flushedAt ?? this.#grewAt ?? clock.monotonic();
    const waitMs = this.#pauseMs(waiting) - (clock.monotonic() - since);
    this.#timer?.cancel();
    this.#timer = null;
    if (waitMs <= 0) this.#start();
    else
      this.#timer = clock.after(waitMs, () => {
        this.#start();
      });
  }

  #start(): void {
    if (this.#isEnding || this.#options.signal.aborted || this.#flush !== null) return;
    this.#flushedAt = this.#options.clock.monotonic();
    this.#flush = this.#copyPiece()
      .then(
        () => {
          this.#failures = 0;
        },
        (error: unknown) => {
          this.#failures++;
          this.#tell(error);
        },
      )
      .then(() => {
        this.#flush = null;
        this.#plan();
      });
  }

  /** From the beginning of the last flush, or from the first bytes, to the beginning of the next. */
  #pauseMs(waitingBytes: number): number {
    if (this.#failures > 0) return backoffMs(this.#pace.retry, this.#failures, this.#options.random);
    const { flushBytes, firstFlushMs, watchedFlushMs, bytesPerSecond } = this.#pace;
    if (this.#flushedAt === null) return this.#isWatched() || waitingBytes >= flushBytes ? 0 : firstFlushMs;
    const flushMs = this.#isWatched() ? Math.min(watchedFlushMs, this.#pace.flushMs) : this.#pace.flushMs;
    return Math.max(waitingBytes >= flushBytes ? 0 : flushMs, Math.floor((this.#pieceBytes / bytesPerSecond) * 1000));
  }

  #isWatched(): boolean {
    return this.#options.clock.monotonic() < this.#watchedUntil;
  }

  #tell(error: unknown): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.#options.onTrouble(error);
  }

  /** Chunk first, then the list that names it, then what it replaces: a reader may stand between any two. */
  async #copyPiece(): Promise<void> {
    const { store, prefix, file } = this.#options;
    this.#chunks ??= await this.#earlierChunks();
    const start = this.#chunks.at(-1)?.end ?? 0;
    const sizeBytes = this.#sizeBytes;
    const end = await this.#border(start, Math.min(sizeBytes, start + this.#pace.pieceMaxBytes));
    if (end <= start) {
      this.#heldAtBytes = sizeBytes;
      return;
    }
    const { chunks, last, replaced } = appendFlush(this.#chunks, end, this.#pace.mergedMaxBytes);
    await store.put(logLayout.chunk(prefix, last), { file, start: last.start, end: last.end }, this.#put(true));
    await this.#putList(chunks);
    this.#chunks = chunks;
    this.#pieceBytes = end - start;
    if (this.#isWatched()) this.#options.onCopied?.(end);
    // A chunk that stays behind does no harm; the seal takes it.
    await Promise.allSettled(replaced.map((chunk) => store.delete(logLayout.chunk(prefix, chunk))));
  }

  #put(isTransient: boolean): PutOptions {
    return { contentType: 'text/plain; charset=utf-8', visibility: this.#options.visibility, isTransient };
  }

  async #putList(chunks: readonly WeighedChunk[]): Promise<void> {
    const { store, prefix, visibility } = this.#options;
    await store.put(
      logLayout.chunkList(prefix),
      { bytes: Buffer.from(formatChunkList(chunks)) },
      { contentType: 'application/json', visibility, isTransient: true },
    );
  }

  async #earlierChunks(): Promise<readonly WeighedChunk[]> {
    const { store, prefix } = this.#options;
    const list = await store.get(logLayout.chunkList(prefix));
    const chunks = list === null ? null : parseChunkList(await text(list.body));
    return (chunks ?? []).map((chunk) => ({ ...chunk, weight: Infinity }));
  }

  /** `end`, or a little less where it would cut a code point. */
  async #border(start: number, end: number): Promise<number> {
    if (end <= start) return start;
    const handle = await open(this.#options.file);
    try {
      const tail = Buffer.alloc(Math.min(3, end - start));
      const { bytesRead } = await handle.read(tail, 0, tail.length, end - tail.length);
      return end - unfinishedUtf8(tail.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  }

  async #complete(total: SealedLog): Promise<void> {
    const { store, prefix, file } = this.#options;
    const { size } = await stat(file);
    if (size !== total.sizeBytes) {
      const message = `${file} has ${String(size)} bytes, the complete log ${String(total.sizeBytes)}`;
      throw new GroundcrewError('logs/seal-mismatch', message);
    }
    await store.put(logLayout.complete(prefix), { file, isFinal: true }, this.#put(false));
    if (this.#options.isNew === true && this.#flushedAt === null) return;
    await store.delete(logLayout.chunkList(prefix));
    try {
      for await (const { key } of store.list(`${prefix}/log.`)) {
        if (isTransientKey(prefix, key)) await store.delete(key);
      }
    } catch (error) {
      // A bare HTTP server: what earlier processes left stays, and no list names it.
      if (!isGroundcrewError(error, 'storage/cannot-list')) throw error;
      for (const chunk of this.#chunks ?? []) await store.delete(logLayout.chunk(prefix, chunk));
    }
  }
}

/** Rejects when `signal` aborts; never resolves. May be left alone. */
function aborted(signal: AbortSignal): Promise<never> {
  const stop = new Promise<never>((_, reject) => {
    const fail = (): void => {
      reject(new Error('aborted', { cause: signal.reason }));
    };
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  stop.catch(() => undefined);
  return stop;
}
