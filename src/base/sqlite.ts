import type { DatabaseSync } from 'node:sqlite';
import { GroundcrewError } from './errors.ts';
import { isRetryableSqliteError, sqliteError } from './sqlite-error.ts';
import { openSqliteHandle } from './sqlite-handle.ts';
import { migrateSqlite } from './sqlite-migrate.ts';
import { StatementCache, type Sql, type SqlValue } from './sqlite-statements.ts';

export type { Sql, SqlValue };

/**
 * One SQLite file, shared by the rooms of this process and by other processes of this machine. WAL, `synchronous=FULL`:
 * what `change` resolved survives a power cut.
 */
export interface Database extends AsyncDisposable {
  /**
   * Runs `work` in a transaction that it may share with other calls, and resolves after COMMIT. Works run in call order,
   * later than the call: all that were asked for in one turn of the event loop share one COMMIT. `work` must be
   * synchronous and touch nothing but `sql`. If it throws, only its own writes are undone and only its promise rejects,
   * with what it threw. If the transaction cannot be made durable every member rejects and nothing has changed; the
   * handle stays usable.
   * @throws GroundcrewError `sqlite/full`, `sqlite/busy` (another process wrote for over 10 s), `sqlite/io`,
   *   `sqlite/read-only`, `sqlite/damaged`, `sqlite/closed`, `sqlite/failed`
   */
  change<T>(work: (sql: Sql) => T): Promise<T>;
  /**
   * Reads at once, in one snapshot. Sees what is committed, by whatever process, never a change that still waits: that one
   * may yet fail. Inside the `work` of a change it sees that change. `run` is refused here.
   */
  read<T>(work: (sql: Sql) => T): T;
  /**
   * Brings one room's tables to the newest version: step n of `steps` (SQL text, several statements) makes version n.
   * Each step runs once, in order, all missing ones in one transaction. Tables of an earlier version are copied to
   * `<file>.before-<room>-<version>` first. Steps are only ever appended.
   * @throws UsageError `sqlite/too-new`: a newer groundcrew wrote this file. On a read-only handle
   *   GroundcrewError `sqlite/too-old`: nothing may be migrated there.
   */
  migrate(room: string, steps: readonly string[]): void;
  /** Transactions that `change` committed on this handle. */
  readonly commits: number;
  readonly path: string;
  /** Commits what waits, then closes; what comes later is refused. Twice is harmless. */
  close(): Promise<void>;
}

/** How to open a database. */
export interface DatabaseOptions {
  /** A file, made when missing, or `:memory:`. */
  readonly path: string;
  readonly isReadOnly?: boolean;
  /** When a batch is committed; by default in the check phase of this turn of the event loop. */
  readonly schedule?: (flush: () => void) => void;
}

// A wait for another process' lock blocks our event loop, so it is short and repeated.
const blockingWaitMs = 50;
const pauseBetweenWaitsMs = 10;
const longestWaitMs = 10_000;

/**
 * Opens, or makes, a database.
 * @throws GroundcrewError `sqlite/cannot-open`, `sqlite/damaged`
 */
export function openDatabase(options: DatabaseOptions): Database {
  return new SqliteDatabase(options);
}

interface Member {
  readonly run: () => void;
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

class SqliteDatabase implements Database {
  commits = 0;
  readonly path: string;
  readonly #handle: DatabaseSync;
  readonly #isReadOnly: boolean;
  readonly #isPrivate: boolean;
  readonly #schedule: (flush: () => void) => void;
  readonly #sql: StatementCache;
  readonly #readOnlySql: Sql;
  #waiting: Member[] = [];
  #isScheduled = false;
  #busySince: number | null = null;
  #isClosed = false;
  #closing: Promise<void> | null = null;

  constructor(options: DatabaseOptions) {
    this.path = options.path;
    this.#isReadOnly = options.isReadOnly ?? false;
    this.#isPrivate = options.path === ':memory:';
    this.#schedule = options.schedule ?? setImmediate;
    this.#handle = openSqliteHandle({ path: options.path, isReadOnly: this.#isReadOnly, blockingWaitMs });
    this.#sql = new StatementCache(this.#handle);
    const sql = this.#sql;
    this.#readOnlySql = {
      run: () => {
        throw new TypeError('a read must not write: use change()');
      },
      get: (text, ...params) => sql.get(text, ...params),
      all: (text, ...params) => sql.all(text, ...params),
    };
  }

  change<T>(work: (sql: Sql) => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#closedError());
    if (this.#isReadOnly) {
      const message = `${this.path} is open for reading only`;
      return Promise.reject(new GroundcrewError('sqlite/read-only', message));
    }
    return new Promise<T>((resolve, reject) => {
      let succeed = (): void => undefined;
      this.#waiting.push({
        run: () => {
          const value = work(this.#sql);
          // An async work would go on after COMMIT, outside every transaction.
          if (value instanceof Promise) throw new TypeError('the work of a change must be synchronous');
          succeed = () => {
            resolve(value);
          };
        },
        succeed: () => {
          succeed();
        },
        fail: reject,
      });
      this.#scheduleFlush();
    });
  }

  read<T>(work: (sql: Sql) => T): T {
    if (this.#isClosed) throw this.#closedError();
    // Nobody else can change what is in memory, and `work` is synchronous: every read of it is one snapshot.
    if (this.#handle.isTransaction || this.#isPrivate) return work(this.#readOnlySql);
    try {
      return this.#readSnapshot(work);
    } catch (error) {
      if (!isRetryableSqliteError(error)) throw sqliteError(error, this.path);
    }
    // Readers wait for nobody, except while another process opens the file after a crash or is the last to close it.
    this.#sql.get(`PRAGMA busy_timeout = ${longestWaitMs}`);
    try {
      return this.#readSnapshot(work);
    } catch (error) {
      throw sqliteError(error, this.path);
    } finally {
      this.#sql.get(`PRAGMA busy_timeout = ${blockingWaitMs}`);
    }
  }

  #readSnapshot<T>(work: (sql: Sql) => T): T {
    try {
      this.#sql.run('BEGIN');
      return work(this.#readOnlySql);
    } finally {
      if (this.#handle.isTransaction) this.#sql.run('COMMIT');
    }
  }

  migrate(room: string, steps: readonly string[]): void {
    if (this.#isClosed) throw this.#closedError();
    try {
      migrateSqlite(this.#handle, { path: this.path, room, steps, isReadOnly: this.#isReadOnly });
    } catch (error) {
      throw sqliteError(error, this.path);
    } finally {
      this.#handle.exec(`PRAGMA busy_timeout = ${blockingWaitMs}`);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    while (this.#waiting.length > 0) {
      // Another process writes; a flush that gives up empties the list.
      await new Promise((resolve) => setTimeout(resolve, pauseBetweenWaitsMs));
      this.#flush();
    }
    this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #closedError(): GroundcrewError {
    return new GroundcrewError('sqlite/closed', `${this.path} was closed`);
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    try {
      this.#sql.run('BEGIN IMMEDIATE');
      this.#busySince = null;
    } catch (error) {
      this.#couldNotBegin(error);
      return;
    }
    const members = this.#waiting;
    this.#waiting = [];
    const settled = this.#commit(members);
    // Only now may a caller act on what it was told; none of this throws.
    for (const { member, error } of settled) {
      if (error === null) member.succeed();
      else member.fail(error.thrown);
    }
  }

  /** Nothing has run yet, so another process that is writing costs a pause only. */
  #couldNotBegin(thrown: unknown): void {
    const now = performance.now();
    this.#busySince ??= now;
    if (isRetryableSqliteError(thrown) && now - this.#busySince < longestWaitMs) {
      this.#isScheduled = true;
      setTimeout(() => {
        this.#isScheduled = false;
        this.#flush();
      }, pauseBetweenWaitsMs);
      return;
    }
    this.#busySince = null;
    const members = this.#waiting;
    this.#waiting = [];
    const error = sqliteError(thrown, this.path);
    for (const member of members) member.fail(error);
  }

  #commit(members: readonly Member[]): { readonly member: Member; readonly error: { thrown: unknown } | null }[] {
    const settled: { member: Member; error: { thrown: unknown } | null }[] = [];
    // A transaction of one is its own savepoint.
    const isAlone = members.length === 1;
    try {
      for (const member of members) {
        if (!isAlone) this.#sql.run('SAVEPOINT member');
        try {
          member.run();
          if (!isAlone) this.#sql.run('RELEASE member');
          settled.push({ member, error: null });
        } catch (thrown) {
          // A full disk makes SQLite itself end the whole transaction: then the others have failed too.
          if (!this.#handle.isTransaction) throw thrown;
          if (isAlone) this.#sql.run('ROLLBACK');
          else this.#sql.run('ROLLBACK TO member');
          if (!isAlone) this.#sql.run('RELEASE member');
          settled.push({ member, error: { thrown: sqliteError(thrown, this.path) } });
        }
      }
      if (this.#handle.isTransaction) {
        this.#sql.run('COMMIT');
        this.commits += 1;
      }
      return settled;
    } catch (thrown) {
      const error = { thrown: sqliteError(thrown, this.path) };
      if (this.#handle.isTransaction) this.#sql.run('ROLLBACK');
      return members.map((member) => ({ member, error: settled.find((one) => one.member === member)?.error ?? error }));
    }
  }
}
