import { rmSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Clock } from '../../../base/clock.ts';
import { errorLine } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { type Database, openDatabase, type Sql } from '../../../base/sqlite.ts';

/** An answer that GitHub may confirm with 304. Header names in lower case. */
export interface CachedAnswer {
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a note is about; each kind has keys of its own. */
export type NoteKind = 'people' | 'said' | 'issue' | 'trust';

/**
 * What GitHub told and what we told it, in a file that may be deleted at any time: everything in it is found again, at the
 * price of some requests. No call throws; trouble with the file costs requests, too. A write is visible when its
 * promise has resolved.
 */
export interface GitHubCache {
  answer(key: string): CachedAnswer | null;
  keepAnswer(key: string, answer: CachedAnswer): Promise<void>;
  note(kind: NoteKind, key: string): { readonly value: string; readonly at: number } | null;
  /** Keys of this kind that begin so. */
  noted(kind: NoteKind, prefix: string): readonly { readonly key: string; readonly value: string }[];
  keepNote(kind: NoteKind, key: string, value: string): Promise<void>;
  dropNote(kind: NoteKind, key: string): Promise<void>;
  /** Writes of this account since then (epoch ms), oldest first. */
  writesSince(account: string, since: number): readonly number[];
  keepWrite(account: string, at: number): Promise<void>;
  close(): Promise<void>;
}

/** Bounds of the file; what was used longest ago goes first. */
export interface CacheLimits {
  readonly answers: number;
  readonly answerBytes: number;
  readonly notes: number;
}

const usualLimits: CacheLimits = { answers: 20_000, answerBytes: 256 * 1024 * 1024, notes: 20_000 };

/** One use an hour is written down: enough to know what nobody uses, and a 304 stays free of writing. */
const usedEveryMs = 3_600_000;
/** Below this, squeezing gains nothing. */
const squeezeFrom = 1024;

const steps = [
  `CREATE TABLE answers (
     key TEXT PRIMARY KEY, etag TEXT NOT NULL, headers TEXT NOT NULL, is_squeezed INTEGER NOT NULL, body BLOB NOT NULL,
     size_bytes INTEGER NOT NULL, used_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX answers_used ON answers (used_at, size_bytes);
   CREATE TABLE notes (
     kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX notes_at ON notes (at);
   CREATE TABLE writes (account TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
   CREATE INDEX writes_at ON writes (account, at);`,
];

/** Opens the file, makes it, or makes it anew when it is no use; without any disk it is kept in memory. */
export function openGitHubCache(options: {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: CacheLimits;
}): GitHubCache {
  const { clock, logger, limits = usualLimits } = options;
  const database = openSomehow(options.path, logger);
  let hasComplained = false;
  const complain = (error: unknown): void => {
    if (hasComplained) return;
    hasComplained = true;
    logger.warn('the cache of GitHub answers is in trouble; requests are spent instead', { why: errorLine(error) });
  };
  const read = <T>(work: (sql: Sql) => T, without: T): T => {
    try {
      return database.read(work);
    } catch (error) {
      complain(error);
      return without;
    }
  };
  const change = (work: (sql: Sql) => void): Promise<void> => database.change(work).catch(complain);

  return {
    answer(key) {
      const row = read(
        (sql) => sql.get<AnswerRow>('SELECT etag, headers, is_squeezed, body, used_at FROM answers WHERE key = ?', key),
        undefined,
      );
      if (row === undefined) return null;
      const now = clock.now();
      if (now - row.used_at > usedEveryMs) {
        void change((sql) => sql.run('UPDATE answers SET used_at = ? WHERE key = ?', now, key));
      }
      try {
        const body = row.is_squeezed === 1 ? inflateRawSync(row.body) : Buffer.from(row.body);
        return { etag: row.etag, headers: JSON.parse(row.headers) as Record<string, string>, body };
      } catch (error) {
        complain(error);
        return null;
      }
    },
    keepAnswer: (key, { etag, headers, body }) => {
      const isSqueezed = body.length >= squeezeFrom;
      const kept = isSqueezed ? deflateRawSync(body, { level: 1 }) : body;
      if (kept.length > limits.answerBytes / 4) return Promise.resolve();
      return change((sql) => {
        sql.run(
          'INSERT OR REPLACE INTO answers (key, etag, headers, is_squeezed, body, size_bytes, used_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          key,
          etag,
          JSON.stringify(headers),
          isSqueezed ? 1 : 0,
          kept,
          kept.length,
          clock.now(),
        );
        dropOldAnswers(sql, limits);
      });
    },
    note(kind, key) {
      const row = read(
        (sql) =>
          sql.get<{ value: string; at: number }>('SELECT value, at FROM notes WHERE kind = ? AND key = ?', kind, key),
        undefined,
      );
      return row === undefined ? null : { value: row.value, at: row.at };
    },
    noted: (kind, prefix) =>
      read(
        (sql) =>
          sql.all<{ key: string; value: string }>(
            'SELECT key, value FROM notes WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY key LIMIT 10000',
            kind,
            prefix.length,
            prefix,
          ),
        [],
      ).map(({ key, value }) => ({ key, value })),
    keepNote: (kind, key, value) =>
      change((sql) => {
        sql.run(
          'INSERT OR REPLACE INTO notes (kind, key, value, at) VALUES (?, ?, ?, ?)',
          kind,
          key,
          value,
          clock.now(),
        );
        const count = sql.get<{ count: number }>('SELECT count(*) AS count FROM notes')?.count ?? 0;
        if (count <= limits.notes) return;
        sql.run(
          'DELETE FROM notes WHERE (kind, key) IN (SELECT kind, key FROM notes ORDER BY at LIMIT +?)',
          Math.ceil(limits.notes / 10),
        );
      }),
    dropNote: (kind, key) => change((sql) => sql.run('DELETE FROM notes WHERE kind = ? AND key = ?', kind, key)),
    writesSince: (account, since) =>
      read(
        (sql) =>
          sql.all<{ at: number }>('SELECT at FROM writes WHERE account = ? AND at > ? ORDER BY at', account, since),
        [],
      ).map(({ at }) => at),
    keepWrite: (account, at) =>
      change((sql) => {
        sql.run('INSERT INTO writes (account, at) VALUES (?, ?)', account, at);
        sql.run('DELETE FROM writes WHERE account = ? AND at <= ?', account, at - usedEveryMs);
      }),
    close: () => database.close(),
  };
}

interface AnswerRow {
  readonly etag: string;
  readonly headers: string;
  readonly is_squeezed: number;
  readonly body: Uint8Array;
  readonly used_at: number;
}

/** A tenth at once, so that a full cache is not tidied at each answer. */
function dropOldAnswers(sql: Sql, limits: CacheLimits): void {
  const held = sql.get<{ count: number; bytes: number | null }>(
    'SELECT count(*) AS count, sum(size_bytes) AS bytes FROM answers',
  );
  if (held === undefined) return;
  let bytes = held.bytes ?? 0;
  if (held.count <= limits.answers && bytes <= limits.answerBytes) return;
  let count = held.count;
  const rows = sql.all<{ key: string; size_bytes: number }>('SELECT key, size_bytes FROM answers ORDER BY used_at');
  for (const row of rows) {
    if (count <= limits.answers * 0.9 && bytes <= limits.answerBytes * 0.9) return;
    sql.run('DELETE FROM answers WHERE key = ?', row.key);
    count -= 1;
    bytes -= row.size_bytes;
  }
}

function openSomehow(path: string, logger: Logger): Database {
  try {
    return openAt(path);
  } catch (error) {
    logger.warn('the cache of GitHub answers cannot be used and is made anew', { why: errorLine(error) });
  }
  try {
    for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    return openAt(path);
  } catch (error) {
    logger.warn('there is no cache of GitHub answers; it is kept in memory', { why: errorLine(error) });
    return openAt(':memory:');
  }
}

function openAt(path: string): Database {
  const database = openDatabase({ path });
  try {
    database.migrate('github', steps);
    // A damaged page shows itself here rather than in the middle of a scan.
    database.read((sql) => sql.get('SELECT count(*), sum(size_bytes) FROM answers'));
    return database;
  } catch (error) {
    void database.close();
    throw error;
  }
}
