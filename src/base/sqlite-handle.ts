import { DatabaseSync } from 'node:sqlite';
import { isRetryableSqliteError, sqliteError } from './sqlite-error.ts';

const longestWaitMs = 10_000;
const pauseMs = 5;

/** A handle ready for use: WAL with full synchronisation for a file. Throws as `openDatabase` does. */
export function openSqliteHandle(options: {
  readonly path: string;
  readonly isReadOnly: boolean;
  readonly blockingWaitMs: number;
}): DatabaseSync {
  const { path, isReadOnly, blockingWaitMs } = options;
  try {
    const handle = new DatabaseSync(path, { readOnly: isReadOnly, timeout: blockingWaitMs });
    try {
      if (path !== ':memory:' && !isReadOnly) useWal(handle);
      return handle;
    } catch (error) {
      handle.close();
      throw error;
    }
  } catch (error) {
    throw sqliteError(error, path);
  }
}

function useWal(handle: DatabaseSync): void {
  const until = performance.now() + longestWaitMs;
  for (;;) {
    try {
      // Before WAL, which writes the first page of a new file; an older file keeps the mode that it was made with.
      handle.exec('PRAGMA auto_vacuum = INCREMENTAL');
      handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864');
      return;
    } catch (error) {
      // SQLite does not use its busy wait for the switch to WAL, where two processes that open a new file at once collide.
      if (!isRetryableSqliteError(error) || performance.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  }
}
