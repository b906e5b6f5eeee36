import type { Clock, Timer } from '../base/clock.ts';

/** How a streamed answer lives. */
export interface ByteStreamOptions {
  readonly clock: Clock;
  /** A reader that takes nothing for this long is dropped, not kept. */
  readonly stallMs: number;
  /** Aborted when the stream is over, whoever ended it. */
  readonly abort: AbortController;
  /** Cuts the connection, so that a reader never takes a broken stream for a complete one. */
  readonly drop: (why: string) => void;
}

/**
 * A response body that is produced only as fast as it is read: one chunk is made when the socket took the one before, so
 * a reader that does not read costs one chunk of memory.
 */
export function byteStream(chunks: AsyncIterable<Uint8Array>, options: ByteStreamOptions): ReadableStream<Uint8Array> {
  const { clock, stallMs, abort, drop } = options;
  const source = chunks[Symbol.asyncIterator]();
  let stall: Timer | null = null;
  const finish = async (): Promise<void> => {
    stall?.cancel();
    abort.abort();
    await source.return?.().catch(() => undefined);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        stall?.cancel();
        try {
          const next = await source.next();
          // The reader left meanwhile; the stream is closed already.
          if (abort.signal.aborted) return;
          if (next.done === true) {
            controller.close();
            await finish();
            return;
          }
          controller.enqueue(next.value);
          stall = clock.after(stallMs, () => {
            drop('the reader does not read');
            void finish();
          });
        } catch (error) {
          if (abort.signal.aborted) return;
          drop(error instanceof Error ? error.message : String(error));
          await finish();
          controller.close();
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  );
}
