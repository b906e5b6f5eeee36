import { createSearch, type Search } from './multi-search.ts';
import { secretPatterns } from './secret-patterns.ts';

/**
 * How far a redactor has come, in bytes of its input; enough to go on in another process, given the input from
 * `consumedBytes` on.
 */
export interface RedactorMark {
  /** All before this is in the output, for good. */
  readonly consumedBytes: number;
  /** So many bytes from there on belong to a secret that was found already. */
  readonly coveredBytes: number;
  /** The byte before belonged to a secret, so its stars are written. */
  readonly isInSecret: boolean;
}

/** Where every redactor begins. */
export const redactorStart: RedactorMark = { consumedBytes: 0, coveredBytes: 0, isInSecret: false };

/**
 * Replaces secrets in a stream of bytes. What comes out depends on the bytes that went in, never on how they were cut.
 */
export interface Redactor {
  /** The bytes that can be said now. Holds back an end that may be the beginning of a secret. */
  push(chunk: Uint8Array): Buffer[];
  /** The input is over: the rest. */
  end(): Buffer[];
  readonly mark: RedactorMark;
}

const stars = Buffer.from('***');

/**
 * Every byte that belongs to an occurrence of a secret in one of its forms (`secret-patterns.ts`), also where occurrences
 * overlap, is taken out; each unbroken run of such bytes becomes `***`. Memory is bounded by the longest form.
 */
export function createRedactor(secrets: readonly Uint8Array[], from: RedactorMark = redactorStart): Redactor {
  const patterns = secretPatterns(secrets);
  return patterns.length === 0 ? createPassage(from) : new SecretRedactor(createSearch(patterns), from);
}

function createPassage(from: RedactorMark): Redactor {
  let consumedBytes = from.consumedBytes;
  return {
    push(chunk) {
      consumedBytes += chunk.length;
      return chunk.length === 0 ? [] : [viewOf(chunk)];
    },
    end: () => [],
    get mark() {
      return { consumedBytes, coveredBytes: 0, isInSecret: false };
    },
  };
}

class SecretRedactor implements Redactor {
  readonly #search: Search;
  #held: Buffer = Buffer.alloc(0);
  #consumedBytes: number;
  #coveredBytes: number;
  #isInSecret: boolean;

  constructor(search: Search, from: RedactorMark) {
    this.#search = search;
    this.#consumedBytes = from.consumedBytes;
    this.#coveredBytes = from.coveredBytes;
    this.#isInSecret = from.isInSecret;
  }

  get mark(): RedactorMark {
    return {
      consumedBytes: this.#consumedBytes,
      coveredBytes: this.#coveredBytes,
      isInSecret: this.#isInSecret,
    };
  }

  push(chunk: Uint8Array): Buffer[] {
    const bytes = this.#held.length === 0 ? viewOf(chunk) : Buffer.concat([this.#held, chunk]);
    return this.#take(bytes, this.#search.openEnd(bytes));
  }

  end(): Buffer[] {
    return this.#take(this.#held, this.#held.length);
  }

  /** Says the first `length` bytes and holds the others. */
  #take(bytes: Buffer, length: number): Buffer[] {
    const said: Buffer[] = [];
    let at = 0;
    let covered = this.#coveredBytes;
    const plainUntil = (end: number): void => {
      if (end <= at) return;
      said.push(bytes.subarray(at, end));
      this.#isInSecret = false;
    };
    const coverUntil = (end: number): void => {
      if (end <= at) return;
      if (!this.#isInSecret) said.push(stars);
      this.#isInSecret = true;
    };
    // What an earlier call found reaches into these bytes.
    coverUntil(Math.min(covered, length));
    at = Math.min(covered, length);
    this.#search.each(bytes, (start, end) => {
      if (start >= length) return false;
      if (end <= covered) return true;
      if (start > at) {
        plainUntil(start);
        at = start;
      }
      covered = end;
      coverUntil(Math.min(end, length));
      at = Math.max(at, Math.min(end, length));
      return true;
    });
    plainUntil(length);
    this.#coveredBytes = Math.max(0, covered - length);
    this.#consumedBytes += length;
    // A copy: the caller's chunk may be reused.
    this.#held = Buffer.from(bytes.subarray(length));
    return said;
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
