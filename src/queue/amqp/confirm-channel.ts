import type { AsyncMessage, Channel, Connection } from 'rabbitmq-client';

/** How a message is to be sent. */
interface Posting {
  readonly exchange: string;
  readonly routingKey: string;
  readonly isDurable: boolean;
  /** A message that no queue takes is reported. */
  readonly mandatory: boolean;
}

/**
 * A raw channel with publisher confirms on one connection. It never moves to another connection: what happened on it,
 * happened on the connection that it was opened on.
 */
export class ConfirmChannel {
  /** Resolves when the channel is gone, whoever closed it. */
  readonly gone: Promise<void>;
  readonly #channel: Channel;
  readonly #user: string;
  readonly #returned = new Set<string>();
  #sent = 0;
  #failure: unknown = null;

  private constructor(channel: Channel, user: string) {
    this.#channel = channel;
    this.#user = user;
    this.gone = new Promise((resolve) => {
      channel.once('close', () => {
        resolve();
      });
    });
    channel.on('basic.return', ({ messageId }) => {
      if (messageId !== undefined) this.#returned.add(messageId);
    });
    channel.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** `user`: who we are to the broker, which refuses any other in a message. */
  static async open(connection: Connection, user: string): Promise<ConfirmChannel> {
    const opened = new ConfirmChannel(await connection.acquire({ emitErrorsFromChannel: true }), user);
    try {
      await opened.#channel.confirmSelect();
    } catch (error) {
      void opened.close();
      throw error;
    }
    return opened;
  }

  get isOpen(): boolean {
    return this.#channel.active;
  }

  /** Why the broker closed it, when that was no answer to a call of ours: a delivery unanswered for too long, say. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves when the broker has the message: false when no queue took it. */
  async publish(posting: Posting, body: Buffer): Promise<boolean> {
    const messageId = String((this.#sent += 1));
    const { exchange, routingKey, isDurable, mandatory } = posting;
    await this.#channel.basicPublish(
      {
        exchange,
        routingKey,
        mandatory,
        messageId,
        userId: this.#user,
        durable: isDurable,
        contentType: 'application/json',
        // With an encoding the library leaves the body alone.
        contentEncoding: 'utf-8',
      },
      body,
    );
    // The return comes before the confirm, but the library tells of it in a later turn.
    if (mandatory) await new Promise(setImmediate);
    return !this.#returned.delete(messageId);
  }

  /** Registers a consumer; its tag. `onCancel` hears when the broker ends it, e.g. because the queue was deleted. */
  async consume(
    queue: string,
    options: { readonly prefetch: number; readonly noAck: boolean },
    hear: { readonly message: (message: AsyncMessage) => void; readonly cancelled: () => void },
  ): Promise<string> {
    await this.#channel.basicQos({ prefetchCount: options.prefetch });
    this.#channel.on('basic.cancel', hear.cancelled);
    const { consumerTag } = await this.#channel.basicConsume({ queue, noAck: options.noAck }, hear.message);
    return consumerTag;
  }

  /** The broker sends nothing more for this consumer when it resolves; what it had sent stays unanswered. */
  async cancel(consumerTag: string): Promise<void> {
    await this.#channel.basicCancel(consumerTag);
  }

  /** Answers a delivery; on a channel that is gone nobody waits for an answer. */
  answer(deliveryTag: number, answer: 'ack' | 'retry' | 'reject'): void {
    if (!this.isOpen) return;
    if (answer === 'ack') this.#channel.basicAck({ deliveryTag });
    else this.#channel.basicNack({ deliveryTag, requeue: answer === 'retry' });
  }

  /** Calls that the queue room makes on a channel of its own. */
  get raw(): Pick<Channel, 'exchangeDeclare' | 'queueDeclare' | 'queueBind'> {
    return this.#channel;
  }

  close(): Promise<void> {
    return this.#channel.close();
  }
}
