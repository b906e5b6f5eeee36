import type { AsyncMessage } from 'rabbitmq-client';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Answer, Delivery, DeliveryHandler, Message } from '../queue.ts';
import { callError, codeOf, isNotFound, notDeclared } from './amqp-error.ts';
import type { ConfirmChannel } from './confirm-channel.ts';
import type { Registration } from './kept.ts';
import { bodyOf, deathOf, deliveryCountOf } from './message-headers.ts';
import { messageBytes } from './message-size.ts';
import type { Session } from './session.ts';
import { routeTo } from './topology.ts';

/** What a consumer stands on. */
export interface AmqpConsumerOptions {
  readonly queue: string;
  readonly handler: DeliveryHandler;
  readonly prefetch: number;
  readonly logger: Logger;
  /** Makes a queue again that we had declared and that is gone; false for one that we never declared. */
  readonly redeclare: (session: Session, queue: string) => Promise<boolean>;
}

/** Deliveries of one channel that wait for their answers. */
interface Hand {
  readonly channel: ConfirmChannel;
  inHand: number;
  /** No more will come: the channel is closed when the last one is answered, which returns strays. */
  isLeaving: boolean;
}

/** Hands the messages of one queue to a handler and brings its answers back, each on the channel that it came on. */
export class AmqpConsumer {
  readonly #options: AmqpConsumerOptions;
  readonly #hands = new Set<Hand>();
  #isCancelled = false;

  constructor(options: AmqpConsumerOptions) {
    this.#options = options;
  }

  get queue(): string {
    return this.#options.queue;
  }

  /** Deliveries that are ours and unanswered. */
  get inHand(): number {
    return [...this.#hands].reduce((sum, { channel, inHand }) => sum + (channel.isOpen ? inHand : 0), 0);
  }

  /** Cancelled, and nothing is in hand any more. */
  get isDone(): boolean {
    return this.#isCancelled && this.#hands.size === 0;
  }

  /** From now on nothing reaches the handler; what arrives nevertheless goes back. */
  stop(): void {
    this.#isCancelled = true;
  }

  async register(session: Session): Promise<Registration> {
    try {
      return await this.#registerOnce(session);
    } catch (error) {
      if (!isNotFound(error) || !(await this.#options.redeclare(session, this.queue))) throw error;
    }
    return this.#registerOnce(session);
  }

  async #registerOnce(session: Session): Promise<Registration> {
    const { queue, prefetch, logger } = this.#options;
    const channel = await session.openChannel();
    const hand: Hand = { channel, inHand: 0, isLeaving: false };
    this.#hands.add(hand);
    const { promise: lost, resolve: lose } = Promise.withResolvers<null>();
    void channel.gone.then(() => {
      this.#hands.delete(hand);
      if (channel.failure !== null) {
        logger.warn('the broker closed the channel of a consumer', { queue, why: errorLine(channel.failure) });
      }
      lose(null);
    });
    const hear = {
      message: (message: AsyncMessage) => void this.#take(hand, message),
      cancelled: () => {
        logger.warn('the broker ended a consumer: its queue was deleted or has moved', { queue });
        lose(null);
        void leave(hand);
      },
    };
    try {
      const tag = await channel.consume(queue, { prefetch, noAck: false }, hear);
      return { lost, end: () => endConsumer(hand, tag) };
    } catch (error) {
      void channel.close();
      throw error;
    }
  }

  /** Never rejects. */
  async #take(hand: Hand, message: AsyncMessage): Promise<void> {
    const { channel } = hand;
    if (this.#isCancelled) {
      channel.answer(message.deliveryTag, 'retry');
      return;
    }
    hand.inHand += 1;
    const answer = await this.#ask(delivery(message, (queue, claim) => this.#claim(channel, queue, claim)));
    hand.inHand -= 1;
    channel.answer(message.deliveryTag, answer);
    if (hand.isLeaving) await leave(hand);
  }

  async #ask(taken: Delivery): Promise<Answer> {
    const { handler, logger, queue } = this.#options;
    try {
      return await handler(taken);
    } catch (error) {
      logger.warn('a message handler failed; the message is handed out again', { queue, why: errorLine(error) });
      return 'retry';
    }
  }

  /** On the delivery's own channel, which dies with its connection: a later connection can never confirm it (R2). */
  async #claim(channel: ConfirmChannel, queue: string, message: Message): Promise<void> {
    const body = messageBytes(message);
    let isRouted: boolean;
    try {
      isRouted = await channel.publish({ ...routeTo(queue), isDurable: true, mandatory: true }, body);
    } catch (cause) {
      if (codeOf(cause) === 'NACK') throw callError(cause, queue);
      const text = `the connection that delivered the message is gone: ${errorLine(cause)}`;
      throw new GroundcrewError('queue/claim-unconfirmed', text, { cause });
    }
    if (!isRouted) throw notDeclared(queue);
  }
}

function delivery(message: AsyncMessage, publishConfirmed: Delivery['publishConfirmed']): Delivery {
  const headers = message.headers ?? {};
  const deliveryCount = deliveryCountOf(headers, message.redelivered);
  return {
    body: bodyOf(message.body),
    isRedelivered: message.redelivered,
    deliveryCount,
    // The broker checked it; who says nothing is nobody.
    from: message.userId ?? '',
    death: deathOf(headers),
    publishConfirmed,
  };
}

async function endConsumer(hand: Hand, tag: string): Promise<void> {
  try {
    await hand.channel.cancel(tag);
  } catch {
    // The channel is gone, and the consumer with it.
  }
  await leave(hand);
}

async function leave(hand: Hand): Promise<void> {
  hand.isLeaving = true;
  if (hand.inHand === 0) await hand.channel.close();
}
