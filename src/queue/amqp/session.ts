import type { Channel, Connection } from 'rabbitmq-client';
import { collectorQueue } from '../../core/queue-plan.ts';
import type { QueueOptions } from '../queue.ts';
import { isNotFound } from './amqp-error.ts';
import { ConfirmChannel } from './confirm-channel.ts';
import { queueArguments } from './queue-arguments.ts';
import { collectorExchange, controlExchange, exchangeType, routeTo } from './topology.ts';

/** One life of a connection: it begins when the broker has let us in, and never comes back. */
export class Session {
  /** Resolves when no call on it will succeed any more. */
  readonly over: Promise<unknown>;
  #isOver = false;
  readonly #sayOver: (nothing: null) => void;
  readonly #connection: Connection;
  readonly #user: string;
  #publisher: Promise<ConfirmChannel> | null = null;
  /** Its own channel: an exchange that was deleted takes no other message with it. */
  #controller: Promise<ConfirmChannel> | null = null;
  readonly #exchanges = new Map<string, Promise<void>>();
  readonly #channels = new Set<ConfirmChannel>();

  /** `user`: who we are to the broker, said in every message. */
  constructor(connection: Connection, user: string) {
    this.#connection = connection;
    this.#user = user;
    const { promise, resolve } = Promise.withResolvers<null>();
    this.over = promise;
    this.#sayOver = resolve;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
    this.#sayOver(null);
  }

  /** Closes channels and connection in order: what was answered before is heard, the rest returns to its queues. */
  async leave(): Promise<void> {
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    await this.#connection.close();
  }

  async openChannel(): Promise<ConfirmChannel> {
    const channel = await ConfirmChannel.open(this.#connection, this.#user);
    this.#channels.add(channel);
    void channel.gone.then(() => this.#channels.delete(channel));
    return channel;
  }

  /** Resolves when the message is durable in the queue: false when there is no such queue. In the order of the calls. */
  async publish(queue: string, body: Buffer): Promise<boolean> {
    this.#publisher ??= this.#lasting(() => {
      this.#publisher = null;
    });
    try {
      const channel = await this.#publisher;
      return await channel.publish({ ...routeTo(queue), isDurable: true, mandatory: true }, body);
    } catch (error) {
      // There is no such exchange.
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Best effort: to whoever listens under that name now. */
  async publishControl(to: string, body: Buffer): Promise<void> {
    const exchange = controlExchange(to);
    await this.declareExchange(exchange);
    this.#controller ??= this.#lasting(() => {
      this.#controller = null;
    });
    try {
      const channel = await this.#controller;
      await channel.publish({ exchange, routingKey: '', isDurable: false, mandatory: false }, body);
    } catch (error) {
      this.#exchanges.delete(exchange);
      throw error;
    }
  }

  /** Makes one of our exchanges, once a session. */
  declareExchange(exchange: string): Promise<void> {
    const before = this.#exchanges.get(exchange);
    if (before !== undefined) return before;
    const declaring = this.withChannel((channel) =>
      channel.exchangeDeclare({ exchange, type: exchangeType, durable: true }),
    );
    this.#exchanges.set(exchange, declaring);
    declaring.catch(() => this.#exchanges.delete(exchange));
    return declaring;
  }

  async hasExchange(exchange: string): Promise<boolean> {
    try {
      await this.withChannel((channel) => channel.exchangeDeclare({ exchange, passive: true }));
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async has(queue: string): Promise<boolean> {
    try {
      await this.ready(queue);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /** Looks first: with other arguments than it was made with, declaring again would be an error. */
  async declare(queue: string, options: QueueOptions): Promise<'made' | 'found'> {
    const isThere = await this.has(queue);
    if (!isThere) {
      await this.withChannel((channel) =>
        channel.queueDeclare({ queue, durable: true, arguments: queueArguments(options) }),
      );
    }
    if (queue === collectorQueue) {
      for (const exchange of [collectorExchange, controlExchange('all')]) await this.declareExchange(exchange);
      await this.withChannel((channel) => channel.queueBind({ queue, exchange: collectorExchange }));
    }
    return isThere ? 'found' : 'made';
  }

  /** Messages that are ready; fresh, unlike what the management API tells. */
  async ready(queue: string): Promise<number> {
    const { messageCount } = await this.withChannel((channel) => channel.queueDeclare({ queue, passive: true }));
    return messageCount;
  }

  /** With all that is in it, whoever has it in hand. */
  async remove(queue: string): Promise<void> {
    await this.withChannel((channel) => channel.queueDelete({ queue }));
  }

  async purge(queue: string): Promise<void> {
    await this.withChannel((channel) => channel.queuePurge(queue));
  }

  /** A channel for one call: the broker closes the channel of a call that it refuses. */
  async withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#connection.acquire({ emitErrorsFromChannel: true });
    channel.on('error', () => undefined);
    try {
      return await work(channel);
    } finally {
      // Not waited for: nothing that the caller needs depends on it, and a blocked connection answers late.
      void channel.close();
    }
  }

  /** A channel for many messages; `forget` when it is gone, or could not be opened. */
  #lasting(forget: () => void): Promise<ConfirmChannel> {
    const opening = this.openChannel();
    opening.then((channel) => channel.gone.then(forget), forget);
    return opening;
  }
}
