import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { StoreGrant } from '../core/grant.ts';

/** `public`: whoever knows the address may read; `private`: only through a signed address. */
export type Visibility = 'public' | 'private';

/**
 * Where an object's bytes come from. A file may be given by range; `start` inclusive, `end` exclusive (bytes). A source that
 * turns out shorter is refused with `storage/source-short`, and nothing is stored.
 * - `isFinal`: nobody will change this file any more, so a store on the same disk may share its bytes instead of copying.
 * - `handle`: an open file, for names that must not be opened twice; the caller closes it.
 */
export type ObjectSource =
  | { readonly bytes: Uint8Array }
  | { readonly file: string; readonly start?: number; readonly end?: number; readonly isFinal?: boolean }
  | { readonly handle: FileHandle; readonly start: number; readonly end: number };

/** How an object is kept and served. `contentType` is sent as is; the caller has made it safe. */
export interface PutOptions {
  readonly contentType: string;
  readonly visibility: Visibility;
  /** Served as a download, never shown in place. */
  readonly isDownload?: boolean;
  /** The writer can write it again: a loss of power may take it, or leave it cut, so it need not be on the disk at once. */
  readonly isTransient?: boolean;
}

/** One listed object. `modifiedAt` is epoch ms by the store's clock. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/**
 * An object's bytes (or the range asked for) and what it was put with. `sizeBytes` is the whole object's size, also for a
 * range. The reader reads `body` to its end or destroys it.
 */
export interface ObjectRead {
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly isDownload: boolean;
  readonly body: Readable;
}

/**
 * Named bytes: logs, attachments, run records. Keys follow `object-key.ts`; others are refused with `storage/bad-key`. No
 * key may be a folder of another (`a` and `a/b`): a store may refuse the second with `storage/key-conflict`. A reader sees an
 * object whole or not at all, and a put is durable when it resolves. Contract suite: `object-store.contract.ts`.
 */
export interface ObjectStore {
  put(key: string, source: ObjectSource, options: PutOptions): Promise<void>;
  /** False, and nothing changed, when the key is taken. */
  putIfAbsent(key: string, source: ObjectSource, options: PutOptions): Promise<boolean>;
  /** Null when there is none. A range past the end gives no bytes. `start` inclusive, `end` exclusive. */
  get(key: string, range?: { readonly start: number; readonly end?: number }): Promise<ObjectRead | null>;
  /** In key order (of the UTF-8 bytes), a page at a time behind the iterator. `prefix` is plain text, not a folder. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Deleting what is not there is success. */
  delete(key: string): Promise<void>;
  /** An address that a browser can open for `validMs`; null when this store has none and the server must serve it. */
  address(key: string, validMs: number): Promise<string | null>;
}

/** The server's side of grants: how a worker without credentials may write below the prefix of one attempt. */
export interface StoreGrants {
  /** False: this store gives none (a directory, or as configured), and workers have their own way in. */
  readonly isGranting: boolean;
  /**
   * `isTyped`: whoever uses it knows forms by type of content; else it gets one for all types, as far as this store still gives these.
   * For `validMs`, or less where the store's own rules say so (7 days for S3). `prefix` without a slash at its end. Null when
   * not `isGranting`.
   * @throws GroundcrewError `storage/…` when it cannot be signed just now.
   */
  grantBelow(
    prefix: string,
    validMs: number,
    isTyped?: boolean,
  ): Promise<{ readonly grant: StoreGrant; readonly validMs: number } | null>;
}

/** The worker's side: what it was granted for one attempt. */
export interface StoreGrantSource {
  /** The one in force, as soon as there is one; null: the signal aborted first. */
  wait(signal: AbortSignal): Promise<StoreGrant | null>;
  /** The store does not take this one (any more): another one is asked for. */
  refuse(grant: StoreGrant): void;
}
