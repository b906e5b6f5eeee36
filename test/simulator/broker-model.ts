import { GroundcrewError } from '../../src/base/errors.ts';
import type {
  Consumer,
  Delivery,
  DeliveryHandler,
  DeathReason,
  Message,
  Queue,
  QueueOptions,
} from '../../src/queue/queue.ts';
import type { Connection, ModelConsumer, ModelQueue, Stored } from './broker-shapes.ts';
import type { Life, World } from './world.ts';

/** Two hours to live would be idle time of the simulation: messages live six minutes, still longer than twenty tries take. */
const hasteOfTtl = 20;

/**
 * RabbitMQ as far as the protocol may rely on it, and no further: at least once, FIFO but for returns, publisher confirms
 * that may be lost, unacked deliveries that come back, time to live, delivery limit, purges. Messages outlive a restart.
 */
export class BrokerModel {
  readonly #world: World;
  readonly #queues = new Map<string, ModelQueue>();
  readonly #connections = new Set<Connection>();
  #place = 0;
  isUp = true;
  /** Faults now possible: repeated publishes and slow confirms. */
  isHostile = true;
  returns = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A connection for one life of a process. */
  connect(
    life: Life,
    owner: string,
  ): {
    readonly queue: Queue;
    readonly cut: (forMs: number) => void;
    readonly isUp: () => boolean;
    readonly dead: () => void;
  } {
    const connection: Connection = {
      life,
      owner,
      epoch: 1,
      isUp: true,
      isDroppedBefore: false,
      hears: [],
      subscriptions: [],
      control: [],
      waiting: [],
    };
    this.#connections.add(connection);
    const queue: Queue = {
      declare: (name, options) => this.#online(connection, () => this.#declare(name, options)),
      publish: (name, message) => this.#publish(connection, name, message.body),
      consume: (name, handler, options) => this.#consume(connection, name, handler, options?.prefetch ?? 1),
      counts: (name) => this.#online(connection, () => this.countsNow(name)),
      purge: (name) =>
        this.#online(connection, () => {
          this.purgeNow(name);
        }),
      sendControl: (to, message) =>
        this.#online(connection, () => {
          this.#control(to, message);
        }),
      onControl: async (worker, hear) => {
        const entry = { worker, hear };
        await this.#online(connection, () => connection.control.push(entry));
        return {
          cancel: async () => {
            connection.control.splice(connection.control.indexOf(entry), 1);
          },
        };
      },
      onConnection: (hear) => {
        connection.hears.push(hear);
      },
      close: async () => {
        this.#gone(connection);
      },
    };
    return {
      queue,
      cut: (forMs) => {
        this.#cut(connection, forMs);
      },
      isUp: () => connection.isUp && this.isUp,
      dead: () => {
        this.#gone(connection);
      },
    };
  }

  /** The whole broker goes away for a while; every connection is cut. */
  restart(forMs: number): void {
    this.isUp = false;
    for (const connection of this.#connections) this.#cut(connection, forMs + this.#world.dice.between(0, 2_000));
    this.#world.at(forMs, () => {
      this.isUp = true;
    });
  }

  purgeNow(name: string): void {
    const queue = this.#queues.get(name);
    if (queue !== undefined) queue.ready = [];
  }

  /** Something that nobody of ours published. */
  forge(name: string, body: string): void {
    if (this.#queues.has(name)) this.#put(name, body, null);
  }

  queueNames(): readonly string[] {
    return [...this.#queues.keys()];
  }

  countsNow(name: string): { ready: number; unacked: number } {
    const queue = this.#queues.get(name);
    return { ready: queue?.ready.length ?? 0, unacked: queue?.unacked.size ?? 0 };
  }

  #declare(name: string, options: QueueOptions): 'made' | 'found' {
    if (this.#queues.has(name)) return 'found';
    this.#queues.set(name, { name, options, ready: [], unacked: new Map(), consumers: [] });
    return 'made';
  }

  /** A round trip on a connection that works; waits while it does not. */
  async #online<T>(connection: Connection, effect: () => T): Promise<T> {
    for (;;) {
      await this.#whenUp(connection);
      const { epoch } = connection;
      await this.#world.pause(this.#world.dice.between(0, 3));
      if (!connection.isUp || connection.epoch !== epoch) continue;
      return effect();
    }
  }

  #whenUp(connection: Connection): Promise<void> {
    if (connection.isUp) return Promise.resolve();
    return new Promise((resolve) => connection.waiting.push(resolve));
  }

  /** Repeats itself until it is confirmed, as the client library does: what was applied before a cut is applied twice. */
  async #publish(connection: Connection, name: string, body: string): Promise<void> {
    const { dice } = this.#world;
    for (;;) {
      await this.#whenUp(connection);
      const { epoch } = connection;
      await this.#world.pause(dice.between(0, this.isHostile && dice.chance(0.05) ? 2_000 : 5));
      const isHere = connection.isUp && connection.epoch === epoch;
      // The broker may have had it just before the cut.
      if (isHere || dice.chance(0.5)) this.#put(name, body, null);
      if (!isHere) continue;
      if (this.isHostile && dice.chance(0.01)) this.#put(name, body, null);
      await this.#world.pause(dice.between(0, 3));
      if (connection.isUp && connection.epoch === epoch) return;
    }
  }

  #put(name: string, body: string, death: Stored['death']): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    this.#place += 1;
    const { ttlMs } = queue.options;
    const stored: Stored = {
      place: this.#place,
      body,
      expiresAt: ttlMs === undefined ? null : this.#world.now + ttlMs / hasteOfTtl,
      death,
      count: 0,
      isRedelivered: false,
    };
    queue.ready.push(stored);
    if (ttlMs !== undefined)
      this.#world.at(ttlMs / hasteOfTtl, () => {
        this.#expire(queue, stored);
      });
    this.#dispatch(queue);
  }

  #expire(queue: ModelQueue, stored: Stored): void {
    const at = queue.ready.indexOf(stored);
    if (at < 0) return;
    queue.ready.splice(at, 1);
    this.#bury(queue, stored, 'expired');
  }

  #bury(queue: ModelQueue, stored: Stored, reason: DeathReason): void {
    this.#world.note('broker', () => `dead letter (${reason}) from ${queue.name}`);
    if (queue.options.deadLetterTo !== undefined)
      this.#put(queue.options.deadLetterTo, stored.body, { queue: queue.name, reason });
  }

  async #consume(connection: Connection, name: string, handler: DeliveryHandler, prefetch: number): Promise<Consumer> {
    const consumer: { isCanceled: boolean; current: ModelConsumer | null } = { isCanceled: false, current: null };
    const subscription = { queue: name, handler, prefetch, consumer };
    await this.#online(connection, () => {
      connection.subscriptions.push(subscription);
      this.#subscribe(connection, subscription);
    });
    return {
      cancel: async () => {
        if (consumer.isCanceled) return;
        consumer.isCanceled = true;
        connection.subscriptions.splice(connection.subscriptions.indexOf(subscription), 1);
        const current = consumer.current;
        await this.#world.pause(this.#world.dice.between(0, 3));
        if (current !== null) {
          current.isCanceled = true;
          const at = current.queue.consumers.indexOf(current);
          if (at >= 0) current.queue.consumers.splice(at, 1);
        }
      },
    };
  }

  #subscribe(
    connection: Connection,
    { queue: name, handler, prefetch, consumer }: Connection['subscriptions'][number],
  ): void {
    const queue = this.#queues.get(name);
    if (queue === undefined || consumer.isCanceled) return;
    const current: ModelConsumer = {
      connection,
      queue,
      handler,
      epoch: connection.epoch,
      isCanceled: false,
      prefetch,
      inHand: 0,
      arrivesAt: 0,
    };
    consumer.current = current;
    queue.consumers.push(current);
    this.#dispatch(queue);
  }

  #dispatch(queue: ModelQueue): void {
    for (;;) {
      const free = queue.consumers.find((one) => one.inHand < one.prefetch && !one.isCanceled && one.connection.isUp);
      const stored = queue.ready[0];
      if (free === undefined || stored === undefined) return;
      queue.ready.shift();
      // The next message goes to somebody else if there is one.
      queue.consumers.push(...queue.consumers.splice(queue.consumers.indexOf(free), 1));
      free.inHand += 1;
      stored.count += 1;
      queue.unacked.set(stored, free);
      const { now } = this.#world;
      free.arrivesAt = Math.max(free.arrivesAt, now + this.#world.dice.between(0, 20));
      this.#world.at(free.arrivesAt - now, () => {
        void this.#deliver(queue, stored, free);
      });
    }
  }

  async #deliver(queue: ModelQueue, stored: Stored, consumer: ModelConsumer): Promise<void> {
    const { connection, epoch } = consumer;
    const isStale = (): boolean => connection.epoch !== epoch || !connection.isUp || !connection.life.isAlive;
    if (isStale() || queue.unacked.get(stored) !== consumer) return;
    const delivery: Delivery = {
      body: stored.body,
      isRedelivered: stored.isRedelivered,
      deliveryCount: stored.count,
      from: null,
      death: stored.death,
      publishConfirmed: async (name, message) => {
        const { dice } = this.#world;
        await this.#world.pause(dice.between(0, this.isHostile && dice.chance(0.05) ? 2_000 : 5));
        const isHere = !isStale();
        if (isHere || dice.chance(0.3)) this.#put(name, message.body, null);
        await this.#world.pause(dice.between(0, 3));
        if (!isHere || isStale()) throw new GroundcrewError('queue/claim-unconfirmed', 'the connection went away');
      },
    };
    // A stray after the cancel goes back without being looked at.
    const answer = consumer.isCanceled ? 'retry' : await consumer.handler(delivery).catch(() => 'retry' as const);
    await this.#world.pause(this.#world.dice.between(0, 3));
    if (queue.unacked.get(stored) !== consumer) return;
    // The ack itself may be lost with the connection; then the delivery comes back by the cut.
    if (this.isHostile && answer === 'ack' && this.#world.dice.chance(0.01))
      this.#cut(connection, this.#world.dice.between(100, 3_000));
    if (isStale()) return;
    queue.unacked.delete(stored);
    consumer.inHand -= 1;
    if (answer === 'reject') this.#bury(queue, stored, 'rejected');
    if (answer === 'retry') this.#giveBack(queue, stored);
    this.#dispatch(queue);
  }

  #giveBack(queue: ModelQueue, stored: Stored): void {
    this.returns += 1;
    stored.isRedelivered = true;
    const limit = queue.options.deliveryLimit;
    if (limit !== undefined && stored.count >= limit) {
      this.#bury(queue, stored, 'delivery-limit');
      return;
    }
    if (stored.expiresAt !== null && stored.expiresAt <= this.#world.now) {
      this.#bury(queue, stored, 'expired');
      return;
    }
    const at = queue.ready.findIndex((other) => other.place > stored.place);
    queue.ready.splice(at < 0 ? queue.ready.length : at, 0, stored);
  }

  #control(to: string, message: Message): void {
    for (const connection of this.#connections) {
      for (const { worker, hear } of connection.control) {
        if (to !== 'all' && to !== worker) continue;
        // Best effort, but not bewitched: never twice running.
        const isDropped = this.isHostile && !connection.isDroppedBefore && this.#world.dice.chance(0.15);
        connection.isDroppedBefore = isDropped;
        if (!connection.isUp || isDropped) continue;
        this.#world.at(this.#world.dice.between(0, 20), () => {
          if (connection.life.isAlive && connection.isUp) hear(message);
        });
      }
    }
  }

  #cut(connection: Connection, forMs: number): void {
    if (!connection.isUp) return;
    this.#world.note(connection.owner, () => `connection cut for ${String(Math.round(forMs / 1000))} s`);
    connection.isUp = false;
    this.#returnAll(connection);
    this.#world.at(0, () => {
      if (connection.life.isAlive) for (const hear of connection.hears) hear('down');
    });
    this.#world.at(forMs, () => {
      if (!connection.life.isAlive) return;
      connection.epoch += 1;
      connection.isUp = true;
      this.#world.note(connection.owner, () => 'connection back');
      for (const subscription of connection.subscriptions) this.#subscribe(connection, subscription);
      for (const resolve of connection.waiting.splice(0)) resolve();
      for (const hear of connection.hears) hear('up');
    });
  }

  #gone(connection: Connection): void {
    connection.isUp = false;
    this.#connections.delete(connection);
    this.#returnAll(connection);
  }

  #returnAll(connection: Connection): void {
    for (const queue of this.#queues.values()) {
      for (const consumer of [...queue.consumers])
        if (consumer.connection === connection) queue.consumers.splice(queue.consumers.indexOf(consumer), 1);
      for (const [stored, consumer] of [...queue.unacked]) {
        if (consumer.connection !== connection) continue;
        queue.unacked.delete(stored);
        this.#giveBack(queue, stored);
      }
      this.#dispatch(queue);
    }
  }
}
