import type { Channel, Connection } from 'rabbitmq-client';
import type { QueueOptions } from '../queue.ts';
import { isNotFound } from './amqp-error.ts';
import { ConfirmChannel } from './confirm-channel.ts';
import { queueArguments } from './queue-arguments.ts';

/** The direct exchange of control messages; routing keys are workers' names, and `all`. */
export const controlExchange = 'groundcrew.control';

/** One life of a connection: it begins when the broker has let us in, and never comes back. */
export class Session {
  /** Resolves when no call on it will succeed any more. */
  readonly over: Promise<unknown>;
  #isOver = false;
  readonly #sayOver: (nothing: null) => void;
  readonly #connection: Connection;
  #publisher: Promise<ConfirmChannel> | null = null;
  #control: Promise<void> | null = null;
  readonly #channels = new Set<ConfirmChannel>();

  constructor(connection: Connection) {
    this.#connection = connection;
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
    const channel = await ConfirmChannel.open(this.#connection);
    this.#channels.add(channel);
    void channel.gone.then(() => this.#channels.delete(channel));
    return channel;
  }

  /** Resolves when the message is durable in the queue: false when there is no such queue. In the order of the calls. */
  async publish(queue: string, body: Buffer): Promise<boolean> {
    const channel = await this.#publishChannel();
    return channel.publish({ exchange: '', routingKey: queue, isDurable: true, mandatory: true }, body);
  }

  /** Best effort: to whoever listens under that key now. */
  async publishControl(to: string, body: Buffer): Promise<void> {
    await this.declareControl();
    const channel = await this.#publishChannel();
    try {
      await channel.publish({ exchange: controlExchange, routingKey: to, isDurable: false, mandatory: false }, body);
    } catch (error) {
      this.#control = null;
      throw error;
    }
  }

  /** Once a session. */
  declareControl(): Promise<void> {
    this.#control ??= this.withChannel((channel) =>
      channel.exchangeDeclare({ exchange: controlExchange, type: 'direct', durable: true }),
    ).catch((error: unknown) => {
      this.#control = null;
      throw error;
    });
    return this.#control;
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
    if (await this.has(queue)) return 'found';
    await this.withChannel((channel) =>
      channel.queueDeclare({ queue, durable: true, arguments: queueArguments(options) }),
    );
    return 'made';
  }

  /** Messages that are ready; fresh, unlike what the management API tells. */
  async ready(queue: string): Promise<number> {
    const { messageCount } = await this.withChannel((channel) => channel.queueDeclare({ queue, passive: true }));
    return messageCount;
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

  #publishChannel(): Promise<ConfirmChannel> {
    if (this.#publisher === null) {
      const opening = this.openChannel();
      const forget = (): void => {
        if (this.#publisher === opening) this.#publisher = null;
      };
      opening.then((channel) => channel.gone.then(forget), forget);
      this.#publisher = opening;
    }
    return this.#publisher;
  }
}
