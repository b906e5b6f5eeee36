import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { isProcessLockHeld, type ProcessLock, type tryProcessLock } from '../../base/process-lock.ts';
import type { Random } from '../../base/random.ts';
import type { Database, Sql } from '../../base/sqlite.ts';
import { returnAllOf, type Stirred } from './message-store.ts';
import { Neighbours } from './neighbours.ts';

/** What being present on this machine needs. */
export interface PresenceOptions {
  readonly database: Database;
  /** Of locks and sockets; null when nobody else can open the database. */
  readonly directory: string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Somebody changed something. */
  readonly onHint: () => void;
  /** Somebody is probably dead. */
  readonly onGone: () => void;
  /** Takes a lock; null when it is held. */
  readonly takeLock: typeof tryProcessLock;
}

interface Session {
  readonly id: number;
  readonly name: string;
}

const oldLockMs = 3_600_000;

/**
 * This process' registration beside the others'. We live while we hold the lock `<name>.lock`; the row in `queue_session`
 * is written after the lock was taken and is deleted by us at the end, or by whoever finds the lock free. Deliveries
 * belong to a row: without it they return to their queues.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #neighbours: Neighbours | null;
  #session: Session = { id: 0, name: '' };
  #lock: ProcessLock | null = null;
  #registering: Promise<void> | null = null;
  #isGone = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { directory, logger, onHint, onGone } = options;
    const onDeaf = (cause: Error): void => {
      logger.warn('no socket for the queue, so it looks once a poll only', { why: errorLine(cause) });
    };
    this.#neighbours = directory === null ? null : new Neighbours({ directory, onHint, onGone, onDeaf });
    if (directory !== null) removeOldLocks(directory, options.clock.now());
  }

  /** The holder of what we take now. */
  get id(): number {
    return this.#session.id;
  }

  /** Enters, or enters again after somebody declared `lost` dead. */
  register(lost = 0): Promise<void> {
    if (this.#session.id !== lost || this.#isGone) return Promise.resolve();
    this.#registering ??= this.#register().finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  /** Tells the others to look. */
  hint(): void {
    this.#neighbours?.hint();
  }

  /** Meets newcomers, buries the dead and returns what they held: the queues that have it now. */
  async lookAround(): Promise<Stirred> {
    const stirred: Stirred = new Set();
    const { database, directory } = this.#options;
    if (directory === null || this.#isGone) return stirred;
    const others = database.read((sql) =>
      sql.all<Session>('SELECT id, name FROM queue_session WHERE id <> ?', this.#session.id),
    );
    const living: string[] = [];
    for (const other of others) {
      if (this.#isAlive(directory, other)) living.push(other.name);
      else for (const queue of await this.#bury(directory, other)) stirred.add(queue);
    }
    await this.#neighbours?.greet(this.#session.name, living);
    return stirred;
  }

  /** Returns what we hold and leaves. */
  async leave(): Promise<void> {
    this.#isGone = true;
    await this.#registering;
    const { database, clock } = this.#options;
    try {
      await database.change((sql) => {
        returnAllOf(sql, this.#session.id, clock.now());
        sql.run('DELETE FROM queue_session WHERE id = ?', this.#session.id);
      });
    } finally {
      // Without the row's end the freed lock says the same.
      await this.#lock?.release({ remove: true });
      this.#neighbours?.close();
    }
  }

  async #register(): Promise<void> {
    const { database, directory, random, takeLock } = this.#options;
    const name = `q-${random.hex(8)}`;
    const lock = directory === null ? null : takeLock(lockPath(directory, name));
    if (lock === null && directory !== null) {
      throw new GroundcrewError(
        'lock/held',
        `somebody holds ${lockPath(directory, name)}, a name that was drawn by chance`,
      );
    }
    let id: number;
    try {
      await this.#neighbours?.listen(name);
      id = await database.change(
        (sql) => sql.run('INSERT INTO queue_session (name, pid) VALUES (?, ?)', name, process.pid).lastId,
      );
    } catch (error) {
      await lock?.release({ remove: true });
      throw error;
    }
    await this.#lock?.release({ remove: true });
    this.#lock = lock;
    this.#session = { id, name };
  }

  #isAlive(directory: string, { name }: Session): boolean {
    try {
      return isProcessLockHeld(lockPath(directory, name));
    } catch (error) {
      // Not to know is no proof of death.
      this.#options.logger.warn('cannot look at the lock of a queue session', { session: name, why: errorLine(error) });
      return true;
    }
  }

  async #bury(directory: string, { id, name }: Session): Promise<Stirred> {
    const { database, clock, logger } = this.#options;
    const stirred = await database.change((sql) => {
      const returned = returnAllOf(sql, id, clock.now());
      sql.run('DELETE FROM queue_session WHERE id = ?', id);
      return returned;
    });
    logger.info('a process on this queue ended without a word', { session: name });
    for (const file of [
      lockPath(directory, name),
      `${lockPath(directory, name)}.pid`,
      join(directory, `${name}.sock`),
    ]) {
      rmSync(file, { force: true });
    }
    return stirred;
  }
}

/** Whether this session still stands: nobody took it for dead. */
export function isRegistered(sql: Sql, session: number): boolean {
  return sql.get('SELECT 1 FROM queue_session WHERE id = ?', session) !== undefined;
}

function lockPath(directory: string, name: string): string {
  return join(directory, `${name}.lock`);
}

/** What processes left that died between taking the lock and writing the row, or between deleting a dead one's row and its files. */
function removeOldLocks(directory: string, now: number): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const file of readdirSync(directory)) {
    const path = join(directory, file);
    if (!/^q-[0-9a-f]{16}\.lock$/.test(file)) continue;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || now - stat.mtimeMs < oldLockMs || isProcessLockHeld(path)) continue;
    // The lock last: by it we find the others.
    for (const left of [path.replace(/lock$/, 'sock'), `${path}.pid`, path]) rmSync(left, { force: true });
  }
}
