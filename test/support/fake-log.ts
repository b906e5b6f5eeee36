import type { LogWanted } from '../../src/web/web-deps.ts';

/** A log in memory that may still grow. */
export class FakeLog {
  bytes = Buffer.alloc(0);
  isSealed = false;
  readonly #waiting = new Set<() => void>();

  append(more: string | Uint8Array): void {
    this.bytes = Buffer.concat([this.bytes, typeof more === 'string' ? Buffer.from(more) : more]);
    this.#wake();
  }

  seal(): void {
    this.isSealed = true;
    this.#wake();
  }

  /** As `OpenLog` promises. */
  async *read(wanted: Pick<LogWanted, 'fromByte' | 'follow'>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const isOver = (): boolean => signal.aborted;
    let at = wanted.fromByte;
    while (!isOver()) {
      while (at < this.bytes.length && !isOver()) {
        const chunk = this.bytes.subarray(at, at + 256 * 1024);
        at += chunk.length;
        yield chunk;
      }
      if (!wanted.follow || this.isSealed || isOver()) return;
      await this.#growth(signal);
    }
  }

  #growth(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
