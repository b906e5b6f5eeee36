import { sleep, type Clock } from '../base/clock.ts';
import type { AttemptDetail, LedgerReader } from '../ledger/ledger-reader.ts';

const lookMs = 3_000;
/** For the rest of the log of an attempt whose outcome counts: it may be large, and its way slow. */
const acceptedMs = 300_000;
/** For that of one whose outcome does not: mostly its worker is gone, and the next attempt is what people want to see. */
const otherMs = 10_000;

/** Looks after one attempt while its log is followed. */
export interface LogPatience {
  /** Aborts when nothing more is to be waited for. */
  readonly signal: AbortSignal;
  /** The same bytes; as long as some come, they are waited for. */
  heard(log: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** The reading has ended. Why it was given up, for people; null: it was not. */
  end(): Promise<string | null>;
}

/**
 * A log that is never sealed has no end: its worker was lost, or died before it could bring the rest. How the attempt stands is
 * asked of the ledger every few seconds; times are counted by our clock from what we saw, since a worker's may be wrong.
 */
export function createLogPatience(
  deps: { readonly reader: Pick<LedgerReader, 'run'>; readonly clock: Clock },
  wanted: { readonly jobId: string; readonly attempt: AttemptDetail; readonly follow: boolean },
): LogPatience {
  const { reader, clock } = deps;
  const { attempt } = wanted;
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  let quietSince = clock.monotonic();
  let wasLive = true;
  /** Bytes are with the reader, who may have stopped at a page: more of them may be there. */
  let isHeld = false;
  const watch = async (): Promise<string | null> => {
    for (;;) {
      await sleep(clock, lookMs, over.signal);
      if (isOver()) return null;
      // A ledger that cannot be read now says nothing about the attempt.
      const run = await reader.run(wanted.jobId).catch(() => undefined);
      if (run === undefined) continue;
      if (isOver()) return null;
      const now = run?.attempts.find(({ storePrefix }) => storePrefix === attempt.storePrefix);
      if (now !== undefined && (now.state !== 'ended' || now.logSha256 !== null)) {
        wasLive = true;
        continue;
      }
      if (wasLive || isHeld) quietSince = clock.monotonic();
      wasLive = false;
      if (clock.monotonic() - quietSince < (now?.isAccepted === true ? acceptedMs : otherMs)) continue;
      over.abort();
      const who = `attempt ${String(attempt.n)} on ${attempt.worker}`;
      return `no more of the log of ${who} is known: its worker brought no end of it`;
    }
  };
  const watching = wanted.follow ? watch() : Promise.resolve(null);
  return {
    signal: over.signal,
    async *heard(log) {
      for await (const bytes of log) {
        isHeld = true;
        yield bytes;
        isHeld = false;
        quietSince = clock.monotonic();
      }
    },
    async end() {
      over.abort();
      return await watching;
    },
  };
}
