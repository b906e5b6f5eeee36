import type { Connection, ConnectionOptions } from 'rabbitmq-client';
import { type Timer } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import { backoffMs } from '../../base/retry.ts';
import { closedError, connectionTrouble, type ConnectionTrouble } from './amqp-error.ts';
import type { AmqpQueueOptions } from './amqp-options.ts';
import { openConnection } from './external-connection.ts';
import { Session } from './session.ts';

// Ten seconds at most: after an outage of the broker every worker must be beating again within 30 s.
const reconnect = { firstMs: 500, mostMs: 8000, factor: 2 };
const connectWithinMs = 10_000;
const closeWithinMs = 3000;

interface Waiter {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer | null;
  /** Waits through refusals, too. */
  readonly isPatient: boolean;
}

/**
 * The connection to the broker, made again whenever it is lost. Every life of it is a `Session` of its own and its own
 * connection object of the library, whose reconnecting we do not use: what was begun on one must never end on another.
 */
export class Line {
  readonly #options: AmqpQueueOptions;
  readonly #listeners: ((state: 'up' | 'down') => void)[] = [];
  readonly #waiters = new Set<Waiter>();
  #connection: Connection | null = null;
  #session: Session | null = null;
  #trouble: ConnectionTrouble | null = null;
  #timer: Timer | null = null;
  #tried = 0;
  #wasUp = false;
  #isClosed = false;
  #closing: Promise<void> | null = null;

  constructor(options: AmqpQueueOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Makes the first connection. A broker that is away is waited for, one that refuses us is not.
   * @throws GroundcrewError `queue/refused` or, when the caller's signal ends it, `queue/unreachable`.
   */
  async open(): Promise<void> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#giveUp(this.#waitingError());
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal?.aborted === true) throw this.#waitingError();
      this.#dial();
      await this.#wait(null);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Called back after every loss and every return, not for the first connection. */
  onState(hear: (state: 'up' | 'down') => void): void {
    this.#listeners.push(hear);
  }

  /**
   * The living session, waited for.
   * @throws GroundcrewError `queue/closed`, `queue/refused`, or `queue/unreachable` after the configured patience.
   */
  async session(): Promise<Session> {
    if (this.#session !== null) return this.#session;
    if (this.#isClosed) throw closedError();
    if (this.#trouble?.kind === 'refused') throw this.#waitingError();
    return this.#wait(this.#options.patienceMs ?? 60_000);
  }

  /** The living session, however long it takes, or null once the line is closed. */
  async whenUp(): Promise<Session | null> {
    while (!this.#isClosed) {
      if (this.#session !== null) return this.#session;
      // Rejects at close alone, which ends the loop.
      await this.#wait(null, true).catch(() => undefined);
    }
    return null;
  }

  /** Ends with a handshake, so that what was answered before is heard; a broker that does not reply is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const [connection, session] = [this.#connection, this.#session];
    this.#connection = null;
    this.#session = null;
    session?.end();
    this.#giveUp(closedError());
    if (connection === null) return;
    if (session !== null) {
      const { promise: late, resolve } = Promise.withResolvers<null>();
      const timer = this.#options.clock.after(closeWithinMs, () => {
        resolve(null);
      });
      await Promise.race([session.leave().catch(() => undefined), late]);
      timer.cancel();
    }
    connection.unsafeDestroy();
  }

  #dial(): void {
    if (this.#isClosed) return;
    this.#tried += 1;
    let connection: Connection;
    try {
      connection = openConnection(this.#target(), this.#options.broker.password === null ? 'EXTERNAL' : 'PLAIN');
    } catch (error) {
      // An unreadable certificate or key, say.
      this.#lost(error);
      return;
    }
    this.#connection = connection;
    connection.on('connection', () => {
      if (this.#connection === connection) this.#up(connection);
    });
    connection.on('error', (error) => {
      // The library would now dial by itself.
      connection.unsafeDestroy();
      if (this.#connection === connection) this.#lost(error);
    });
    connection.on('connection.blocked', (reason) => {
      this.#options.logger.warn('the broker takes no messages for now; publishing waits', { why: reason });
    });
    connection.on('connection.unblocked', () => {
      this.#options.logger.info('the broker takes messages again');
    });
  }

  #target(): ConnectionOptions {
    const { broker, clientName, heartbeatS } = this.#options;
    const { host, port } = broker.hosts[(this.#tried - 1) % broker.hosts.length] ?? broker.hosts[0];
    return {
      hostname: host,
      port,
      vhost: broker.vhost,
      username: broker.username,
      password: broker.password?.() ?? '',
      connectionName: clientName,
      heartbeat: heartbeatS ?? 10,
      connectionTimeout: connectWithinMs,
      // Ours is what waits for a connection; this one only bounds a race.
      acquireTimeout: connectWithinMs,
      // As large as RabbitMQ allows by default: a message of 1 MiB in 8 frames, not 128.
      frameMax: 131_072,
      noDelay: true,
      ...(broker.tls === null
        ? {}
        : { tls: { ...broker.tls(), rejectUnauthorized: true, minVersion: 'TLSv1.2' as const } }),
    };
  }

  #up(connection: Connection): void {
    const { logger, clientName } = this.#options;
    const session = new Session(connection, this.#options.broker.username);
    this.#session = session;
    this.#trouble = null;
    logger.info(this.#wasUp ? 'connected to the broker again' : 'connected to the broker', {
      client: clientName,
      tries: this.#tried,
    });
    this.#tried = 0;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const { resolve, timer } of waiters) {
      timer?.cancel();
      resolve(session);
    }
    if (this.#wasUp) this.#tell('up');
    this.#wasUp = true;
  }

  #lost(error: unknown): void {
    const { logger, clock, random } = this.#options;
    this.#connection = null;
    const session = this.#session;
    this.#session = null;
    session?.end();
    const { broker } = this.#options;
    const trouble = connectionTrouble(error, broker.password === null ? broker.username : null);
    // One line for each kind of trouble, however many tries it takes.
    if (trouble.text !== this.#trouble?.text) {
      const what = session === null ? 'cannot connect to the broker' : 'lost the connection to the broker';
      logger.warn(what, { why: trouble.text });
    }
    this.#trouble = trouble;
    if (session !== null) this.#tell('down');
    if (trouble.kind === 'refused') this.#giveUp(this.#waitingError(), 'impatient');
    if (this.#isClosed) return;
    this.#timer = clock.after(backoffMs(reconnect, Math.max(1, this.#tried), random), () => {
      this.#dial();
    });
  }

  #wait(patienceMs: number | null, isPatient = false): Promise<Session> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        isPatient,
        timer:
          patienceMs === null
            ? null
            : this.#options.clock.after(patienceMs, () => {
                this.#waiters.delete(waiter);
                reject(this.#waitingError());
              }),
      };
      this.#waiters.add(waiter);
    });
  }

  #giveUp(error: Error, who: 'all' | 'impatient' = 'all'): void {
    for (const waiter of [...this.#waiters]) {
      if (who === 'impatient' && waiter.isPatient) continue;
      this.#waiters.delete(waiter);
      waiter.timer?.cancel();
      waiter.reject(error);
    }
  }

  #waitingError(): GroundcrewError {
    const trouble = this.#trouble;
    if (trouble?.kind === 'refused') return new GroundcrewError('queue/refused', trouble.text);
    const text = `the broker cannot be reached: ${trouble?.text ?? 'no answer yet'}`;
    return new GroundcrewError('queue/unreachable', text, { retry: 'later' });
  }

  #tell(state: 'up' | 'down'): void {
    for (const hear of this.#listeners) hear(state);
  }
}
