import { sleep } from '../../base/clock.ts';
import { errorLine, type GroundcrewError } from '../../base/errors.ts';
import { isJobQueue } from '../../core/queue-plan.ts';
import type { Consumer, DeliveryHandler, Message, Queue, QueueCounts, QueueOptions } from '../queue.ts';
import { AmqpConsumer } from './amqp-consumer.ts';
import { codeOf, notDeclared } from './amqp-error.ts';
import type { AmqpQueueOptions } from './amqp-options.ts';
import { onLine } from './calls.ts';
import { listenToControl } from './control-listener.ts';
import { createDeafQueues, type DeafQueues } from './deaf-queues.ts';
import { keepRegistered, type KeepOptions } from './kept.ts';
import { Line } from './line.ts';
import { managementCounts } from './management.ts';
import { messageBytes } from './message-size.ts';
import type { Session } from './session.ts';
import { holdServerQueue } from './server-hold.ts';
import { controlExchange } from './topology.ts';

/**
 * How long a queue that vanished stays away before we make it again. RabbitMQ 3.10 tells a consumer of a deleted quorum
 * queue nothing when a new one of the same name is there at once; what it hands to that consumer gets lost on the way and
 * counts as unacked until the connection ends.
 */
const remakeAfterMs = 1000;

/** The queue over RabbitMQ, and what only a broker can tell. */
export interface AmqpQueue extends Queue {
  /**
   * R15 across machines: takes the place of the one server on this virtual host, for as long as this queue is open. Waits
   * up to four heartbeats for one whose connection the broker may still take for alive.
   * `onLost` hears when another server took it while we were cut off.
   * @throws GroundcrewError `queue/server-held`: another server has it.
   */
  holdServerQueue(onLost: (error: GroundcrewError) => void): Promise<void>;
}

/**
 * A queue over RabbitMQ 3.10 or later: FIFO quorum queues, publisher confirms, persistent messages. Reconnects by
 * itself; calls wait for the connection, and a publish whose confirm was lost with it is sent again, so a message can
 * come twice. A queue that a server declared and somebody deleted is made again when it is used; a worker makes none, and
 * its `declare` only looks.
 * @throws GroundcrewError `queue/refused`: wrong password, certificate or host name, or no such virtual host. A broker
 *   that is away is waited for until the signal ends it with `queue/unreachable`.
 */
export async function openAmqpQueue(options: AmqpQueueOptions): Promise<AmqpQueue> {
  const line = new Line(options);
  const queue = new RabbitQueue(options, line);
  await line.open();
  return queue;
}

class RabbitQueue implements AmqpQueue {
  readonly #options: AmqpQueueOptions;
  readonly #line: Line;
  readonly #declared = new Map<string, QueueOptions>();
  readonly #consumers = new Set<AmqpConsumer>();
  readonly #deaf: DeafQueues;

  constructor(options: AmqpQueueOptions, line: Line) {
    this.#options = options;
    this.#deaf = createDeafQueues(options.clock, options.deafAfterMs);
    this.#line = line;
  }

  async declare(queue: string, options: QueueOptions): Promise<'made' | 'found'> {
    if (this.#options.broker.role === 'worker') {
      if (await onLine(this.#line, queue, (session) => session.has(queue))) return 'found';
      throw notDeclared(queue);
    }
    const before = await onLine(this.#line, queue, (session) => this.#make(session, queue, options));
    this.#declared.set(queue, options);
    return before;
  }

  async publish(queue: string, message: Message): Promise<void> {
    const body = messageBytes(message);
    await onLine(this.#line, queue, async (session) => {
      if (await this.#publishOrRemake(session, queue, body)) return;
      const isBack = await this.#redeclare(session, queue);
      if (!isBack || !(await session.publish(queue, body))) throw notDeclared(queue);
    });
  }

  /** Orders may be lost with their queue, so one that has become deaf is made anew. Never another: results are in it. */
  async #publishOrRemake(session: Session, queue: string, body: Buffer): Promise<boolean> {
    const sentAt = this.#options.clock.monotonic();
    try {
      const isTaken = await session.publish(queue, body);
      if (isTaken) this.#deaf.heard(queue);
      return isTaken;
    } catch (error) {
      const isOurs = this.#declared.has(queue) && isJobQueue(queue);
      if (codeOf(error) !== 'NACK' || !isOurs || !this.#deaf.refused(queue, sentAt)) throw error;
      this.#options.logger.warn('a queue takes no orders; removing it to make it again', { queue });
      await session.remove(queue);
      this.#deaf.heard(queue);
      return false;
    }
  }

  async consume(
    queue: string,
    handler: DeliveryHandler,
    options: { readonly prefetch?: number } = {},
  ): Promise<Consumer> {
    const consumer = new AmqpConsumer({
      queue,
      handler,
      prefetch: options.prefetch ?? 1,
      logger: this.#options.logger,
      redeclare: (session, name) => this.#redeclare(session, name),
    });
    const kept = await keepRegistered({ ...this.#keeping(queue), register: (session) => consumer.register(session) });
    // A worker starts a consumer for every job.
    for (const each of this.#consumers) if (each.isDone) this.#consumers.delete(each);
    this.#consumers.add(consumer);
    let cancelling: Promise<void> | null = null;
    return {
      cancel: () => {
        consumer.stop();
        return (cancelling ??= kept.end());
      },
    };
  }

  /**
   * Ready is asked of the queue itself. What others have in hand only the management API knows, some seconds late: what
   * it still counts as ready and the queue does not is taken for handed out, so that a busy queue never looks emptier
   * than it is (R6). Without that API unacked is what this client has in hand.
   */
  async counts(queue: string): Promise<QueueCounts> {
    const ready = await onLine(this.#line, queue, (session) => session.ready(queue));
    const ours = [...this.#consumers].reduce((sum, each) => sum + (each.queue === queue ? each.inHand : 0), 0);
    const { management, vhost } = this.#options.broker;
    if (management === null) return { ready, unacked: ours };
    const known = await managementCounts(management, vhost, queue);
    return { ready, unacked: Math.max(ours, known.unacked, known.ready + known.unacked - ready) };
  }

  /** RabbitMQ 3.10 closes the connection of who purges a deaf queue, each time; one of orders is made anew instead, empty as well. */
  async purge(queue: string): Promise<void> {
    let isDeaf = false;
    await onLine(this.#line, queue, async (session) => {
      if (isDeaf) {
        this.#options.logger.warn('a queue of orders cannot be purged; removing it to make it again', { queue });
        await session.remove(queue);
        await this.#redeclare(session, queue);
        return;
      }
      try {
        await session.purge(queue);
      } catch (error) {
        isDeaf = codeOf(error) === 'INTERNAL_ERROR' && this.#declared.has(queue) && isJobQueue(queue);
        throw error;
      }
    });
  }

  async sendControl(to: string, message: Message): Promise<void> {
    const body = messageBytes(message);
    await onLine(this.#line, controlExchange(to), (session) => session.publishControl(to, body));
  }

  async onControl(worker: string, hear: (message: Message) => void): Promise<Consumer> {
    const { random, logger } = this.#options;
    const kept = await keepRegistered({
      ...this.#keeping(controlExchange(worker)),
      register: (session) => listenToControl(session, { worker, hear, random, logger }),
    });
    return { cancel: () => kept.end() };
  }

  onConnection(hear: (state: 'up' | 'down') => void): void {
    this.#line.onState((state) => {
      try {
        hear(state);
      } catch (error) {
        this.#options.logger.warn('a listener for the connection threw', { state, why: errorLine(error) });
      }
    });
  }

  holdServerQueue(onLost: (error: GroundcrewError) => void): Promise<void> {
    // The broker ends a silent connection after two heartbeats, and looks once each; a fourth for the way there.
    const overlapMs = 4 * 1000 * (this.#options.heartbeatS ?? 10);
    const { line, clock, random, logger } = this.#keeping('');
    const signal = this.#options.signal ?? null;
    return holdServerQueue({ line, clock, random, logger, overlapMs, signal, onLost });
  }

  async close(): Promise<void> {
    for (const consumer of this.#consumers) consumer.stop();
    await this.#line.close();
  }

  async #make(session: Session, queue: string, options: QueueOptions): Promise<'made' | 'found'> {
    if (this.#declared.has(queue) && !(await session.has(queue))) await sleep(this.#options.clock, remakeAfterMs);
    return session.declare(queue, options);
  }

  async #redeclare(session: Session, queue: string): Promise<boolean> {
    const options = this.#declared.get(queue);
    if (options === undefined) return false;
    const before = await this.#make(session, queue, options);
    if (before === 'made') this.#options.logger.warn('a queue was gone from the broker; made again', { queue });
    return true;
  }

  #keeping(queue: string): Omit<KeepOptions, 'register'> {
    const { clock, random, logger } = this.#options;
    return { line: this.#line, clock, random, logger, queue };
  }
}
