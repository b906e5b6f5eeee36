import { text } from 'node:stream/consumers';
import type { Clock } from '../base/clock.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { logLayout, parseChunkList, type Chunk } from './log-layout.ts';

/** Which log, from where, and when to look again. */
export interface LogReaderOptions {
  readonly store: ObjectStore;
  /** Key prefix of the attempt, without a slash at its end. */
  readonly prefix: string;
  /** First byte wanted. */
  readonly fromByte: number;
  readonly clock: Clock;
  /** Looks again after so long when nothing woke it before. */
  readonly pollMs: number;
  /** Calls back when the log may have grown; returns how to stop that. For a reader in the process of the streamer. */
  readonly onGrowth?: (wake: () => void) => () => void;
  /** False: ends with what is there now, complete or not. Default true. */
  readonly isFollowing?: boolean;
  /** Ends the reading, without an error. */
  readonly signal: AbortSignal;
}

/** Looks again so often without a pause when a listed chunk is not there. */
const mostMissed = 5;

/**
 * The bytes of a log from `fromByte` on, following it while it grows, until it is complete. Each byte comes once, in order,
 * whatever the streamer merges, seals or deletes meanwhile. A log that has not begun is waited for. Errors of the store are
 * thrown; the caller may begin again where it stopped.
 */
export async function* readLog(options: LogReaderOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { store, prefix, signal } = options;
  const bell = createBell(options);
  const isOver = (): boolean => signal.aborted;
  try {
    let at = options.fromByte;
    let missed = 0;
    while (!isOver()) {
      bell.reset();
      const before = at;
      let isMissing = false;
      let listTrouble: { readonly error: unknown } | null = null;
      const chunks = await chunksOf(store, prefix).catch((error: unknown) => {
        listTrouble = { error };
        return [];
      });
      for (const chunk of chunks) {
        if (chunk.end <= at) continue;
        // The one before was cut short by a loss of power; its writer will put it again.
        if (chunk.start > at) break;
        const read = await store.get(logLayout.chunk(prefix, chunk), { start: Math.max(0, at - chunk.start) });
        // Merged into a larger one, or the log is complete: ask for the list again.
        if (read === null) {
          isMissing = true;
          break;
        }
        for await (const part of read.body as AsyncIterable<Uint8Array>) {
          at += part.length;
          yield part;
          if (isOver()) return;
        }
      }
      missed = isMissing ? missed + 1 : 0;
      // The list is put before what it replaces goes, so looking again helps; not for ever where a chunk was lost.
      if (at > before || (isMissing && missed <= mostMissed)) continue;
      // Also when there is a list: a streamer that died while sealing leaves both.
      const complete = await store.get(logLayout.complete(prefix), { start: at });
      if (complete !== null) {
        for await (const part of complete.body as AsyncIterable<Uint8Array>) {
          yield part;
          if (isOver()) return;
        }
        return;
      }
      // Mirrors have complete logs and no lists: only where there is none of both does it matter that the list was not to be had.
      throwAgain(listTrouble);
      if (options.isFollowing === false) return;
      await bell.rung();
    }
  } finally {
    bell.close();
  }
}

function throwAgain(trouble: { readonly error: unknown } | null): void {
  if (trouble !== null) throw trouble.error;
}

async function chunksOf(store: ObjectStore, prefix: string): Promise<readonly Chunk[]> {
  const list = await store.get(logLayout.chunkList(prefix));
  return list === null ? [] : (parseChunkList(await text(list.body)) ?? []);
}

interface Bell {
  /** What rang before this is of no interest. */
  reset(): void;
  /** Resolves when it rang since `reset`, after `pollMs`, or at the abort. */
  rung(): Promise<void>;
  close(): void;
}

function createBell({ clock, pollMs, onGrowth, signal }: LogReaderOptions): Bell {
  let hasRung = false;
  let wake: (() => void) | null = null;
  const ring = (): void => {
    hasRung = true;
    wake?.();
  };
  const stop = onGrowth?.(ring);
  signal.addEventListener('abort', ring);
  return {
    reset: () => {
      hasRung = false;
    },
    rung: () =>
      new Promise((resolve) => {
        if (hasRung || signal.aborted) {
          resolve();
          return;
        }
        const timer = clock.after(pollMs, ring);
        wake = () => {
          wake = null;
          timer.cancel();
          resolve();
        };
      }),
    close: () => {
      stop?.();
      signal.removeEventListener('abort', ring);
    },
  };
}
