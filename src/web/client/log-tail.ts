import type { LogAddress } from './log-block.ts';

// When a job prints faster than the page can show, what nobody could read is skipped.
const mostWaitingBytes = 1024 * 1024;
const keptBytes = 96 * 1024;
// Showing may take this part of the time at most; the rest is for taking in what comes, or nothing would ever be skipped.
const shownPart = 1 / 4;
const newline = 10;
const againMs = 4000;

/** New bytes of the log. `skippedBytes` and `skippedLines` went by unseen before them. */
export interface TailNews {
  readonly bytes: Uint8Array;
  readonly skippedBytes: number;
  readonly skippedLines: number;
}

/** What the stream tells. */
export interface TailListener {
  onNews(news: TailNews): void;
  onEnd(): void;
  onChanged(): void;
  onConnected(isConnected: boolean): void;
  /** The server refused, which the browser takes for an answer; open it again. */
  onRefused(): void;
}

/** Listens to a growing log from `fromByte`; after a break it goes on at the byte where it was. */
export function openTail(address: LogAddress, fromByte: number, listener: TailListener): { close(): void } {
  const query = new URLSearchParams({ attempt: address.attempt, from: String(fromByte) });
  const source = new EventSource(`${address.base}/events?${query.toString()}`);
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let skippedBytes = 0;
  let skippedLines = 0;
  let isScheduled = false;
  let notBefore = 0;

  const flush = (): void => {
    isScheduled = false;
    if (waitingBytes === 0 && skippedBytes === 0) return;
    const news = { bytes: join(waiting, waitingBytes), skippedBytes, skippedLines };
    waiting = [];
    waitingBytes = skippedBytes = skippedLines = 0;
    const began = performance.now();
    listener.onNews(news);
    const tookMs = performance.now() - began;
    notBefore = began + tookMs / shownPart;
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    const pauseMs = notBefore - performance.now();
    // Frames do not come to a hidden page.
    if (document.hidden) setTimeout(flush, 500);
    else if (pauseMs > 20) setTimeout(flush, pauseMs);
    else requestAnimationFrame(flush);
  };
  const skip = (): void => {
    const all = join(waiting, waitingBytes);
    const seam = all.indexOf(newline, all.length - keptBytes) + 1;
    const from = seam === 0 ? all.length - keptBytes : seam;
    skippedBytes += from;
    for (let at = all.indexOf(newline); at >= 0 && at < from; at = all.indexOf(newline, at + 1)) skippedLines += 1;
    waiting = [all.subarray(from)];
    waitingBytes = all.length - from;
  };

  source.addEventListener('open', () => listener.onConnected(true));
  source.addEventListener('message', (event: MessageEvent<string>) => {
    const bytes = fromBase64(event.data);
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes > mostWaitingBytes) skip();
    schedule();
  });
  source.addEventListener('changed', () => listener.onChanged());
  source.addEventListener('end', () => {
    source.close();
    flush();
    listener.onEnd();
  });
  let again: number | null = null;
  source.addEventListener('error', () => {
    listener.onConnected(false);
    if (source.readyState === EventSource.CLOSED) again ??= setTimeout(() => listener.onRefused(), againMs);
  });
  return {
    close: () => {
      if (again !== null) clearTimeout(again);
      source.close();
      waitingBytes = 0;
      waiting = [];
    },
  };
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
