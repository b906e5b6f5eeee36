import type { Clock, Timer } from '../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { tryProcessLock } from '../../base/process-lock.ts';
import type { Random } from '../../base/random.ts';
import type { Database, Sql } from '../../base/sqlite.ts';
import {
  maxMessageBytes,
  type Consumer,
  type DeliveryHandler,
  type Message,
  type Queue,
  type QueueCounts,
  type QueueOptions,
} from '../queue.ts';
import { addControl, controlAfter, lastControlId } from './control.ts';
import { Lane, type LaneHost } from './lane.ts';
import {
  addMessage,
  countMessages,
  declareQueue,
  expireMessages,
  hasExpired,
  purgeQueue,
  requireQueue,
  type Stirred,
} from './message-store.ts';
import { isRegistered, Presence } from './presence.ts';
import { queueMigrations } from './schema.ts';

/** What the embedded queue stands on. */
export interface EmbeddedQueueOptions {
  /** Stays the caller's; close it after the queue. */
  readonly database: Database;
  /** For the locks and sockets of all processes that use this database file; null for a database in memory. */
  readonly directory: string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often to look for what nobody told us; default 1 s. */
  readonly pollMs?: number;
  /** How our lock is taken; a test keeps it to let it go. */
  readonly takeLock?: typeof tryProcessLock;
}

/**
 * A queue in tables of the shared SQLite file, for the processes of one machine. What a call promised is on disk when it
 * resolves. Consumers are woken in process, others through a unix socket, and all look once a poll. The deliveries of a
 * dead process return as soon as a live one sees its socket close or its lock free.
 * @throws GroundcrewError `sqlite/…` when the tables cannot be made.
 */
export async function openEmbeddedQueue(options: EmbeddedQueueOptions): Promise<Queue> {
  options.database.migrate('queue', queueMigrations);
  const queue = new EmbeddedQueue(options);
  await queue.start();
  return queue;
}

interface Listener {
  readonly worker: string;
  readonly hear: (message: Message) => void;
  after: number;
}

class EmbeddedQueue implements Queue {
  readonly #options: EmbeddedQueueOptions;
  readonly #presence: Presence;
  readonly #host: LaneHost;
  readonly #lanes = new Map<string, Lane>();
  readonly #listeners = new Set<Listener>();
  #timer: Timer | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: EmbeddedQueueOptions) {
    this.#options = options;
    const { database, directory, clock, random, logger } = options;
    this.#presence = new Presence({
      database,
      directory,
      clock,
      random,
      logger,
      onHint: () => {
        this.#lookHere();
      },
      onGone: () => void this.#look(),
      takeLock: options.takeLock ?? tryProcessLock,
    });
    this.#host = {
      database,
      clock,
      logger,
      presence: this.#presence,
      stir: (queues) => {
        this.#stir(queues);
      },
      publishConfirmed: (session, queue, message) => this.#publishConfirmed(session, queue, message),
    };
  }

  async start(): Promise<void> {
    await this.#presence.register();
    await this.#look();
    this.#poll();
  }

  async declare(queue: string, options: QueueOptions): Promise<'made' | 'found'> {
    const isNew = await this.#change((sql) => declareQueue(sql, queue, options));
    return isNew ? 'made' : 'found';
  }

  async publish(queue: string, message: Message): Promise<void> {
    refuseTooLarge(message);
    await this.#change((sql) => {
      addMessage(sql, queue, message.body, this.#options.clock.now());
    });
    this.#stir(new Set([queue]));
  }

  async consume(
    queue: string,
    handler: DeliveryHandler,
    options: { readonly prefetch?: number } = {},
  ): Promise<Consumer> {
    this.#read((sql) => requireQueue(sql, queue));
    let lane = this.#lanes.get(queue);
    if (lane === undefined) {
      lane = new Lane(queue, this.#host);
      this.#lanes.set(queue, lane);
    }
    return lane.add(handler, options.prefetch ?? 1);
  }

  async counts(queue: string): Promise<QueueCounts> {
    this.#read((sql) => requireQueue(sql, queue));
    await this.#expire();
    return this.#read((sql) => countMessages(sql, queue));
  }

  async purge(queue: string): Promise<void> {
    await this.#change((sql) => {
      purgeQueue(sql, queue);
    });
  }

  async sendControl(to: string, message: Message): Promise<void> {
    refuseTooLarge(message);
    await this.#change((sql) => {
      addControl(sql, to, message.body, this.#options.clock.now());
    });
    this.#hearControl();
    this.#presence.hint();
  }

  async onControl(worker: string, hear: (message: Message) => void): Promise<Consumer> {
    const listener: Listener = { worker, hear, after: this.#read(lastControlId) };
    this.#listeners.add(listener);
    return {
      cancel: async () => {
        this.#listeners.delete(listener);
      },
    };
  }

  onConnection(): void {
    // A file is always there.
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    this.#listeners.clear();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    try {
      await this.#presence.leave();
    } catch (error) {
      this.#options.logger.warn('cannot sign off from the queue', { why: errorLine(error) });
    }
  }

  async #publishConfirmed(session: number, queue: string, message: Message): Promise<void> {
    refuseTooLarge(message);
    const isOurs = await this.#change((sql) => {
      if (!isRegistered(sql, session)) return false;
      addMessage(sql, queue, message.body, this.#options.clock.now());
      return true;
    });
    if (!isOurs) {
      const text = 'another process took this one for dead, so its deliveries are in other hands';
      throw new GroundcrewError('queue/claim-unconfirmed', text);
    }
    this.#stir(new Set([queue]));
  }

  #poll(): void {
    this.#timer = this.#options.clock.after(this.#options.pollMs ?? 1000, () => {
      void this.#look().then(() => {
        if (this.#closing === null) this.#poll();
      });
    });
  }

  /** Everything that nobody may have told us. Never rejects: the next poll looks again. */
  async #look(): Promise<void> {
    if (this.#closing !== null) return;
    try {
      const stirred = await this.#presence.lookAround();
      if (stirred.size > 0) this.#stir(stirred);
      await this.#expire();
    } catch (error) {
      if (this.#isOpen()) this.#options.logger.warn('cannot look after the queue', { why: errorLine(error) });
    }
    this.#lookHere();
  }

  #lookHere(): void {
    if (!this.#isOpen()) return;
    this.#hearControl();
    for (const lane of this.#lanes.values()) lane.pump();
  }

  async #expire(): Promise<void> {
    const now = this.#options.clock.now();
    while (this.#read((sql) => hasExpired(sql, now))) {
      const { stirred } = await this.#change((sql) => expireMessages(sql, now));
      this.#stir(stirred);
    }
  }

  #stir(queues: Stirred): void {
    if (queues.size === 0 || !this.#isOpen()) return;
    for (const queue of queues) this.#lanes.get(queue)?.pump();
    this.#presence.hint();
  }

  #hearControl(): void {
    if (this.#listeners.size === 0) return;
    const from = Math.min(...[...this.#listeners].map(({ after }) => after));
    const rows = this.#read((sql) => controlAfter(sql, from));
    for (const { id, recipient, body } of rows) {
      for (const listener of this.#listeners) {
        if (id <= listener.after) continue;
        listener.after = id;
        if (recipient !== 'all' && recipient !== listener.worker) continue;
        try {
          listener.hear({ body });
        } catch (error) {
          this.#options.logger.warn('a control listener threw', { worker: listener.worker, why: errorLine(error) });
        }
      }
    }
  }

  #isOpen(): boolean {
    return this.#closing === null;
  }

  #read<T>(work: (sql: Sql) => T): T {
    if (!this.#isOpen()) throw closedError();
    try {
      return this.#options.database.read(work);
    } catch (error) {
      throw queueError(error);
    }
  }

  async #change<T>(work: (sql: Sql) => T): Promise<T> {
    if (!this.#isOpen()) throw closedError();
    try {
      return await this.#options.database.change(work);
    } catch (error) {
      throw queueError(error);
    }
  }
}

function refuseTooLarge({ body }: Message): void {
  const sizeBytes = Buffer.byteLength(body);
  if (sizeBytes <= maxMessageBytes) return;
  const text = `a message of ${sizeBytes} bytes is over the limit of ${maxMessageBytes}`;
  throw new GroundcrewError('queue/message-too-large', text);
}

function closedError(): GroundcrewError {
  return new GroundcrewError('queue/closed', 'the queue was closed');
}

function queueError(cause: unknown): unknown {
  if (!isGroundcrewError(cause) || cause.code.startsWith('queue/')) return cause;
  return new GroundcrewError('queue/not-stored', `the queue could not be changed: ${cause.message}`, {
    retry: cause.retry,
    cause,
  });
}
