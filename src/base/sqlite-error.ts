import { GroundcrewError, type ErrorCode, type RetryAdvice } from './errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly retry: RetryAdvice;
  readonly what: string;
}

// Primary result codes, https://sqlite.org/rescode.html. Those that are missing here are a mistake in a statement or a
// constraint that a caller may look for, and pass through as they are.
const meanings: Readonly<Record<number, Meaning>> = {
  3: { code: 'sqlite/cannot-open', retry: 'never', what: 'is not accessible' },
  5: { code: 'sqlite/busy', retry: 'later', what: 'is locked by another process for too long' },
  6: { code: 'sqlite/busy', retry: 'later', what: 'is locked' },
  7: { code: 'sqlite/failed', retry: 'later', what: 'ran out of memory' },
  8: { code: 'sqlite/read-only', retry: 'never', what: 'may not be written' },
  10: { code: 'sqlite/io', retry: 'later', what: 'could not be read or written' },
  11: { code: 'sqlite/damaged', retry: 'never', what: 'is damaged' },
  13: { code: 'sqlite/full', retry: 'later', what: 'cannot grow: the disk is full' },
  14: { code: 'sqlite/cannot-open', retry: 'never', what: 'cannot be opened' },
  15: { code: 'sqlite/busy', retry: 'later', what: 'is locked' },
  22: { code: 'sqlite/failed', retry: 'never', what: 'needs a large-file system' },
  23: { code: 'sqlite/cannot-open', retry: 'never', what: 'is not accessible' },
  26: { code: 'sqlite/damaged', retry: 'never', what: 'is no SQLite file' },
};

/** Our error for what the disk, the lock or the file did; everything else (and what is ours already) comes back as it is. */
export function sqliteError(error: unknown, path: string): unknown {
  const code = primaryCode(error);
  const meaning = code === null ? undefined : meanings[code];
  if (meaning === undefined || !(error instanceof Error)) return error;
  const message = `${path} ${meaning.what} (${error.message})`;
  return new GroundcrewError(meaning.code, message, { retry: meaning.retry, cause: error });
}

/** Somebody else holds the lock; nothing is wrong. */
export function isRetryableSqliteError(error: unknown): boolean {
  const code = primaryCode(error);
  return code === 5 || code === 6 || code === 15;
}

function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}
