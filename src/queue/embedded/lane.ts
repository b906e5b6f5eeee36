import { sleep, type Clock } from '../../base/clock.ts';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Database } from '../../base/sqlite.ts';
import type { Answer, Consumer, Delivery, DeliveryHandler, Message } from '../queue.ts';
import {
  answerMessage,
  expireMessages,
  hasReady,
  putBackUnseen,
  takeMessages,
  type Stirred,
  type TakenMessage,
} from './message-store.ts';
import { isRegistered, type Presence } from './presence.ts';

/** What a lane needs of its queue handle. */
export interface LaneHost {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly presence: Presence;
  /** Consumers of these queues, here and in other processes, should look. */
  readonly stir: (queues: Stirred) => void;
  readonly publishConfirmed: (session: number, queue: string, message: Message) => Promise<void>;
}

interface Seat {
  readonly handler: DeliveryHandler;
  readonly prefetch: number;
  inHand: number;
}

const answerPauseMs = 1000;

/**
 * All consumers of one queue in this process. One `pump` at a time takes as many messages as there are free hands, in a
 * transaction that it shares with the answers given in the same turn, and hands them out in turn.
 */
export class Lane {
  readonly #queue: string;
  readonly #host: LaneHost;
  /** In the order in which they are served; who got one goes to the end. */
  readonly #seats: Seat[] = [];
  #isWanted = false;
  #running: Promise<void> | null = null;
  readonly #end = new AbortController();

  constructor(queue: string, host: LaneHost) {
    this.#queue = queue;
    this.#host = host;
  }

  add(handler: DeliveryHandler, prefetch: number): Consumer {
    const seat: Seat = { handler, prefetch, inHand: 0 };
    this.#seats.push(seat);
    this.pump();
    return {
      cancel: async () => {
        const at = this.#seats.indexOf(seat);
        if (at >= 0) this.#seats.splice(at, 1);
        // What is being taken now finds no seat and goes back.
        await this.#running;
      },
    };
  }

  /** Looks for messages, once more if it is looking already. */
  pump(): void {
    this.#isWanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Cancels all; answers that come later are nobody's. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#seats.length = 0;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { database, logger, presence } = this.#host;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        const most = this.#seats.reduce((sum, seat) => sum + seat.prefetch - seat.inHand, 0);
        if (most <= 0 || !database.read((sql) => hasReady(sql, this.#queue))) return;
        const holder = presence.id;
        const taken = await this.#take(holder, most);
        if (taken === 'lost') await presence.register(holder);
        if (taken === 'lost' || taken === 'again') this.#isWanted = true;
        else await this.#handOut(taken);
      }
    } catch (error) {
      // The next poll tries again.
      logger.warn('cannot take from the queue', { queue: this.#queue, why: errorLine(error) });
    }
  }

  async #take(holder: number, most: number): Promise<TakenMessage[] | 'lost' | 'again'> {
    const { database, clock, stir } = this.#host;
    const now = clock.now();
    const { taken, stirred } = await database.change((sql) => {
      if (!isRegistered(sql, holder)) return { taken: 'lost' as const, stirred: null };
      const expired = expireMessages(sql, now);
      const messages = expired.isDone ? takeMessages(sql, this.#queue, holder, most) : ('again' as const);
      return { taken: messages, stirred: expired.stirred };
    });
    if (stirred !== null && stirred.size > 0) stir(stirred);
    return taken;
  }

  async #handOut(taken: readonly TakenMessage[]): Promise<void> {
    const strays: TakenMessage[] = [];
    for (const message of taken) {
      const at = this.#seats.findIndex(({ inHand, prefetch }) => inHand < prefetch);
      const [seat] = at < 0 ? [] : this.#seats.splice(at, 1);
      if (seat === undefined) {
        strays.push(message);
        continue;
      }
      this.#seats.push(seat);
      seat.inHand += 1;
      void this.#serve(seat, message);
    }
    if (strays.length === 0) return;
    await this.#host.database.change((sql) => {
      for (const stray of strays) putBackUnseen(sql, stray);
    });
    this.#host.stir(new Set([this.#queue]));
  }

  async #serve(seat: Seat, message: TakenMessage): Promise<void> {
    let answer: Answer;
    try {
      answer = await seat.handler(this.#delivery(message));
    } catch (error) {
      this.#host.logger.warn('a queue handler threw: the message returns', {
        queue: this.#queue,
        why: errorLine(error),
      });
      answer = 'retry';
    }
    seat.inHand -= 1;
    const answered = this.#answer(message, answer);
    this.pump();
    await answered;
  }

  #delivery(message: TakenMessage): Delivery {
    return {
      body: message.body,
      isRedelivered: message.deliveries > 1,
      deliveryCount: message.deliveries,
      from: null,
      death: message.death,
      publishConfirmed: (queue, news) => {
        if (this.#end.signal.aborted) {
          const text = 'the queue was closed while this delivery was in hand';
          return Promise.reject(new GroundcrewError('queue/claim-unconfirmed', text));
        }
        return this.#host.publishConfirmed(message.holder, queue, news);
      },
    };
  }

  /** Goes on trying: an answer that is not stored would run the job twice. */
  async #answer(message: TakenMessage, answer: Answer): Promise<void> {
    const { database, clock, logger, stir } = this.#host;
    while (!this.#end.signal.aborted) {
      try {
        const stirred = await database.change((sql) => answerMessage(sql, message, answer, clock.now()));
        if (stirred.size > 0) stir(stirred);
        return;
      } catch (error) {
        logger.warn('cannot store the answer to a message', { queue: this.#queue, answer, why: errorLine(error) });
        await sleep(clock, answerPauseMs, this.#end.signal);
      }
    }
  }
}
