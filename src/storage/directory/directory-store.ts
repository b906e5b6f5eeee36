import { constants, linkSync, lstatSync, renameSync } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { createLanes } from '../../base/lanes.ts';
import { GroundcrewError } from '../../base/errors.ts';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';
import { checkKey } from '../object-key.ts';
import type { ObjectRead, ObjectSource, ObjectStore, PutOptions } from '../object-store.ts';
import { isStraight, moveBelow, removeBelow } from './files-below.ts';
import { listObjects } from './list-objects.ts';
import { isSameKind, kindByName, readKind, transitKind, writeKind, type ObjectKind } from './object-kind.ts';
import { createStaging, type Staging } from './staging.ts';
import { absent, hasErrorCode } from './system-error.ts';

/** An object store in a directory, and its janitor. */
export interface DirectoryStore extends ObjectStore {
  /** Removes what a killed process left half-written more than `olderThanMs` ago. Returns how many files. */
  sweep(olderThanMs: number): Promise<number>;
}

/**
 * Objects as plain files, readable with any tool:
 *
 *     objects/<key>   the bytes; mode 0644 for `public`, 0640 for `private`
 *     kinds/<key>     content type and download flag, only where the name does not say them (`kindByName`)
 *     staging/…       being written
 *
 * A file appears under its name by rename or link when it is complete and on the disk. Several processes may use one
 * directory; they agree through the file system alone. Symbolic links below `root` are never followed.
 * `clock` serves the sweep only.
 * @throws GroundcrewError `storage/unusable-directory` when it cannot be made or read.
 */
export async function createDirectoryStore(options: {
  readonly root: string;
  readonly clock: Pick<Clock, 'now'>;
}): Promise<DirectoryStore> {
  try {
    const { root } = options;
    await Promise.all(['objects', 'kinds', 'staging'].map((name) => mkdir(join(root, name), { recursive: true })));
    return new FilesBelow(await realpath(root), options.clock);
  } catch (cause) {
    throw new GroundcrewError('storage/unusable-directory', `cannot use ${options.root} as object store`, { cause });
  }
}

class FilesBelow implements DirectoryStore {
  readonly #objects: string;
  readonly #kinds: string;
  readonly #staging: Staging;
  /** Puts and deletes of one key wait for each other: a put may take several steps when the kind changes. */
  readonly #lanes = createLanes();

  constructor(root: string, clock: Pick<Clock, 'now'>) {
    this.#objects = join(root, 'objects');
    this.#kinds = join(root, 'kinds');
    this.#staging = createStaging(join(root, 'staging'), clock);
  }

  put(key: string, source: ObjectSource, options: PutOptions): Promise<void> {
    return this.#inTurn(key, async () => {
      const staged = await this.#staging.fill(source, options);
      try {
        const isNewKind = !isSameKind(await readKind(this.#kinds, key), kindIn(options));
        // A change of kind passes through `download`, so at no crash are bytes shown under a type not meant for them.
        const isOverwrite = isNewKind && this.#isTaken(key);
        if (isNewKind) await this.#setKind(key, isOverwrite ? transitKind : kindIn(options), options);
        await this.#intoPlace(
          key,
          (target) => {
            renameSync(staged, target);
          },
          options,
        );
        if (isOverwrite) await this.#setKind(key, kindIn(options), options);
      } finally {
        // Also after success: rename leaves the old name when both are the same file already.
        unlinkIfThere(staged);
      }
    });
  }

  putIfAbsent(key: string, source: ObjectSource, options: PutOptions): Promise<boolean> {
    return this.#inTurn(key, async () => {
      if (this.#isTaken(key)) return false;
      const staged = await this.#staging.fill(source, options);
      try {
        await this.#intoPlace(
          key,
          (target) => {
            linkSync(staged, target);
          },
          options,
        );
        await this.#setKind(key, kindIn(options), options);
        return true;
      } catch (error) {
        if (hasErrorCode(error, 'EEXIST')) return false;
        throw error;
      } finally {
        unlinkIfThere(staged);
      }
    });
  }

  async get(key: string, range?: { readonly start: number; readonly end?: number }): Promise<ObjectRead | null> {
    checkKey(key);
    const path = join(this.#objects, key);
    if (!isStraight(dirname(path))) return null;
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(absent);
    if (handle === null) return null;
    let isHandedOver = false;
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return null;
      // After the open: the kind may only be newer than the bytes, and a newer kind comes by way of `download`.
      const { contentType, isDownload } = await readKind(this.#kinds, key);
      const end = Math.min(range?.end ?? stats.size, stats.size);
      const start = range?.start ?? 0;
      if (start >= end) return { sizeBytes: stats.size, contentType, isDownload, body: Readable.from([]) };
      const body = handle.createReadStream({ start, end: end - 1, highWaterMark: 256 * 1024 });
      isHandedOver = true;
      return { sizeBytes: stats.size, contentType, isDownload, body };
    } finally {
      if (!isHandedOver) await handle.close();
    }
  }

  list(prefix: string): ReturnType<ObjectStore['list']> {
    return listObjects(this.#objects, prefix);
  }

  delete(key: string): Promise<void> {
    return this.#inTurn(key, async () => {
      // The bytes first: a kind without bytes is nothing, bytes without their kind would be shown as text.
      removeBelow(this.#objects, key);
      removeBelow(this.#kinds, key);
    });
  }

  address(key: string): Promise<string | null> {
    checkKey(key);
    return Promise.resolve(null);
  }

  sweep(olderThanMs: number): Promise<number> {
    return this.#staging.sweep(olderThanMs);
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    checkKey(key);
    return await this.#lanes.run(key, work);
  }

  #isTaken(key: string): boolean {
    try {
      return lstatSync(join(this.#objects, key), { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      // A folder of it is an object (ENOTDIR): the move into place says so in our words.
      absent(error);
      return false;
    }
  }

  async #setKind(key: string, kind: ObjectKind, options: PutOptions): Promise<void> {
    if (isSameKind(kind, kindByName(key))) removeBelow(this.#kinds, key);
    else await writeKind(this.#kinds, key, { kind, staging: this.#staging, isTransient: options.isTransient === true });
  }

  async #intoPlace(key: string, move: (target: string) => void, options: PutOptions): Promise<void> {
    await moveBelow(this.#objects, key, { move, isTransient: options.isTransient === true });
  }
}

function kindIn(options: PutOptions): ObjectKind {
  return { contentType: options.contentType, isDownload: options.isDownload === true };
}
