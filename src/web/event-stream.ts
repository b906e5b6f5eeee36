import type { Clock } from '../base/clock.ts';

/** One server-sent event; without `event` and `data` it is a comment that keeps proxies awake. */
export interface ServerEvent {
  readonly event?: string;
  readonly id?: string;
  /** No newlines. */
  readonly data?: string;
}

/** Headers of a stream of server-sent events: no proxy may gather it. */
export const eventStreamHeaders = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no',
} as const;

// OpenShift routes end a silent connection after 30 s.
const heartbeatMs = 15_000;

const encoder = new TextEncoder();

/** The event as it goes over the wire. */
export function encodeEvent(event: ServerEvent): Uint8Array {
  if (event.event === undefined && event.data === undefined) return encoder.encode(': alive\n\n');
  const lines = [];
  if (event.event !== undefined) lines.push(`event: ${event.event}`);
  if (event.id !== undefined) lines.push(`id: ${event.id}`);
  lines.push(`data: ${event.data ?? ''}`);
  return encoder.encode(`${lines.join('\n')}\n\n`);
}

/**
 * Interleaves a source of events with "something changed" and heartbeats. Changes coalesce: at most one each `quietMs`,
 * and none is queued behind a slow reader. With a source, the stream ends after it; without one, when `signal` aborts.
 */
export async function* mergeEvents(parts: {
  readonly source: AsyncIterable<ServerEvent> | null;
  readonly onChange: (listener: () => void) => () => void;
  readonly clock: Clock;
  readonly quietMs: number;
  readonly signal: AbortSignal;
}): AsyncGenerator<ServerEvent> {
  const { onChange, clock, quietMs, signal } = parts;
  const inbox = new Inbox(clock);
  const wake = (): void => inbox.wake();
  const stopHearing = onChange(() => inbox.noteChange());
  signal.addEventListener('abort', wake);
  const source = parts.source?.[Symbol.asyncIterator]() ?? null;
  let lastChangeAt = -Infinity;
  if (source !== null) inbox.ask(source);
  try {
    while (!signal.aborted) {
      const untilChangeMs = lastChangeAt + quietMs - clock.monotonic();
      if (inbox.isChangeDue(untilChangeMs)) {
        lastChangeAt = clock.monotonic();
        inbox.takeChange();
        yield { event: 'changed', data: '' };
      }
      const arrived = inbox.take();
      if (arrived === null) {
        const isSilent = await inbox.wait(inbox.hasChange() ? Math.max(1, untilChangeMs) : heartbeatMs);
        if (isSilent && !inbox.hasChange()) yield {};
        continue;
      }
      if ('failed' in arrived) throw arrived.failed;
      if (arrived.next.done === true) return;
      yield arrived.next.value;
      if (source !== null) inbox.ask(source);
    }
  } finally {
    stopHearing();
    signal.removeEventListener('abort', wake);
    // Not awaited: a source that waits for bytes ends by the signal, which the owner of this stream aborts.
    void source?.return?.().catch(() => undefined);
  }
}

type Arrived = { readonly next: IteratorResult<ServerEvent, unknown> } | { readonly failed: Error };

/** What came while the stream was busy: at most one event of the source and the mark that something changed. */
class Inbox {
  readonly #clock: Clock;
  #arrived: Arrived | null = null;
  #hasChanged = false;
  #wake: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#wake();
  }

  noteChange(): void {
    this.#hasChanged = true;
    this.#wake();
  }

  hasChange(): boolean {
    return this.#hasChanged;
  }

  isChangeDue(inMs: number): boolean {
    return this.#hasChanged && inMs <= 0;
  }

  takeChange(): void {
    this.#hasChanged = false;
  }

  ask(source: AsyncIterator<ServerEvent, unknown>): void {
    source.next().then(
      (next) => this.#arrive({ next }),
      (error: unknown) =>
        this.#arrive({ failed: error instanceof Error ? error : new Error('the log cannot be read') }),
    );
  }

  take(): Arrived | null {
    const arrived = this.#arrived;
    this.#arrived = null;
    return arrived;
  }

  /** True when the time passed, false when something came. */
  wait(mostMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isSilent: boolean): void => {
        this.#wake = () => undefined;
        timer.cancel();
        resolve(isSilent);
      };
      const timer = this.#clock.after(mostMs, () => end(true));
      this.#wake = () => end(false);
    });
  }

  #arrive(arrived: Arrived): void {
    this.#arrived = arrived;
    this.#wake();
  }
}
