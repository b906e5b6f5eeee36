import { Readable } from 'node:stream';
import type { Clock, Timer } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';

/** One answer's body: its length, and what comes in it before the wanted bytes. */
export interface BodyPiece {
  readonly body: Readable;
  readonly skipBytes: number;
  readonly lengthBytes: number;
}

/** Where the bytes of a steady body come from. */
export interface SteadySource {
  readonly first: BodyPiece;
  readonly sizeBytes: number;
  /** How often it may break, all in all. */
  readonly tries: number;
  /** So long nothing may come while somebody waits. */
  readonly idleMs: number;
  readonly clock: Clock;
  /** In words, for errors. */
  readonly what: string;
  /** The rest, after so many of the wanted bytes. */
  readonly again: (readBytes: number) => Promise<BodyPiece>;
}

/**
 * Exactly `sizeBytes` bytes: when the connection breaks, or nothing comes for `idleMs`, it goes on with a new one from where
 * it was. Fails with `storage/unavailable` when that happened too often, else with what `again` threw.
 */
export function createSteadyBody(source: SteadySource): Readable {
  return new SteadyBody(source);
}

class SteadyBody extends Readable {
  readonly #source: SteadySource;
  #current: Readable | null = null;
  #skipBytes = 0;
  /** Of the current body, not yet come. */
  #restBytes = 0;
  #readBytes = 0;
  #breaks = 0;
  #timer: Timer | null = null;

  constructor(source: SteadySource) {
    super({ highWaterMark: 256 * 1024 });
    this.#source = source;
    this.#take(source.first);
  }

  override _read(): void {
    this.#watch();
    this.#current?.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#timer?.cancel();
    this.#drop();
    done(error);
  }

  #take({ body, skipBytes, lengthBytes }: BodyPiece): void {
    this.#current = body;
    this.#skipBytes = skipBytes;
    this.#restBytes = lengthBytes;
    body.on('data', (chunk: Buffer) => {
      if (this.#current === body) this.#pass(body, chunk);
    });
    body.once('end', () => {
      if (this.#current === body) this.#broke('the body ended early');
    });
    body.once('close', () => {
      if (this.#current === body) this.#broke('the body was cut');
    });
    body.on('error', (error) => {
      if (this.#current === body) this.#broke(error.message);
    });
    body.pause();
  }

  #pass(body: Readable, chunk: Buffer): void {
    this.#restBytes -= chunk.length;
    const skipped = Math.min(this.#skipBytes, chunk.length);
    this.#skipBytes -= skipped;
    const wanted = chunk.subarray(skipped, skipped + this.#source.sizeBytes - this.#readBytes);
    this.#watch();
    if (wanted.length === 0) return;
    this.#readBytes += wanted.length;
    const isDone = this.#readBytes === this.#source.sizeBytes;
    if (isDone) {
      this.#timer?.cancel();
      this.#current = null;
      // Read to its end, the connection can be used again.
      if (this.#restBytes > 0) body.destroy();
    }
    const isRoom = this.push(wanted);
    if (isDone) this.push(null);
    else if (!isRoom) {
      this.#timer?.cancel();
      body.pause();
    }
  }

  #watch(): void {
    this.#timer?.cancel();
    if (this.#current === null) return;
    this.#timer = this.#source.clock.after(this.#source.idleMs, () => {
      this.#broke(`nothing came for ${String(Math.round(this.#source.idleMs / 1000))} s`);
    });
  }

  #drop(): void {
    const body = this.#current;
    this.#current = null;
    body?.destroy();
  }

  #broke(why: string): void {
    this.#timer?.cancel();
    this.#drop();
    if (this.destroyed) return;
    const { what, again, tries } = this.#source;
    this.#breaks++;
    if (this.#breaks >= tries) {
      this.destroy(new GroundcrewError('storage/unavailable', `${what}: ${why}`, { retry: 'later' }));
      return;
    }
    again(this.#readBytes).then(
      (piece) => {
        if (this.destroyed) {
          piece.body.destroy();
          return;
        }
        this.#take(piece);
        this.#watch();
        piece.body.resume();
      },
      (error: unknown) => {
        this.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}
