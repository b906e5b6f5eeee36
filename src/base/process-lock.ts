import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { GroundcrewError } from './errors.ts';
import { isRetryableSqliteError, sqliteError } from './sqlite-error.ts';

/** A lock that dies with its process: whatever kills us, the kernel frees it. */
export interface ProcessLock extends AsyncDisposable {
  readonly path: string;
  /** Frees it; with `remove`, deletes the files too. Twice is harmless. */
  release(options?: { readonly remove?: boolean }): Promise<void>;
}

/**
 * Takes the lock of the one server on this state directory (R15).
 * @throws GroundcrewError `lock/held`: another live process has it; its pid is named if it left a note.
 */
export function holdServerLock(path: string): Promise<ProcessLock> {
  return Promise.resolve().then(() => {
    const lock = tryProcessLock(path);
    if (lock !== null) return lock;
    const pid = holderOf(path);
    const who = pid === null ? 'another process' : `process ${pid}`;
    throw new GroundcrewError('lock/held', `${who} is the server here already (it holds ${path})`);
  });
}

/**
 * Takes the lock, or answers null when a live process (this one included) has it. The lock is an exclusive transaction
 * on an SQLite file of its own, a POSIX record lock in the end. Such a lock is lost when its process closes *any*
 * descriptor of the file, so nothing but this module may open it; the note about the holder is a second file.
 */
export function tryProcessLock(path: string): ProcessLock | null {
  let handle: DatabaseSync;
  try {
    // Somebody who merely looks is gone within a moment.
    handle = new DatabaseSync(path, { timeout: 100 });
  } catch (error) {
    throw sqliteError(error, path);
  }
  try {
    // Nothing is ever written, so a journal file would only lie about.
    handle.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    handle.close();
    if (isRetryableSqliteError(error)) return null;
    throw sqliteError(error, path);
  }
  return new SqliteLock(path, handle);
}

/**
 * Whether a live process, this one included, holds the lock.
 * @throws GroundcrewError `sqlite/…` when that cannot be known.
 */
export function isProcessLockHeld(path: string): boolean {
  let handle: DatabaseSync;
  try {
    handle = new DatabaseSync(path, { timeout: 0, readOnly: true });
  } catch (error) {
    // The holder takes the file away when it lets go. Any other trouble says nothing about the holder.
    if (!existsSync(path)) return false;
    throw sqliteError(error, path);
  }
  try {
    // A shared lock is refused while somebody holds the exclusive one.
    handle.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isRetryableSqliteError(error)) return true;
    throw sqliteError(error, path);
  } finally {
    handle.close();
  }
}

class SqliteLock implements ProcessLock {
  readonly path: string;
  readonly #handle: DatabaseSync;

  constructor(path: string, handle: DatabaseSync) {
    this.path = path;
    this.#handle = handle;
    // For messages only; in one write, so that nobody reads half a number and a kill leaves nothing behind.
    try {
      writeFileSync(`${path}.pid`, `${process.pid}\n`);
    } catch {
      // A full disk: held all the same, and better no number than that of the holder before.
      rmSync(`${path}.pid`, { force: true, recursive: true });
    }
  }

  release(options: { readonly remove?: boolean } = {}): Promise<void> {
    if (!this.#handle.isOpen) return Promise.resolve();
    rmSync(`${this.path}.pid`, { force: true });
    if (options.remove === true) rmSync(this.path, { force: true });
    this.#handle.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function holderOf(path: string): number | null {
  try {
    const pid = Number(readFileSync(`${path}.pid`, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
