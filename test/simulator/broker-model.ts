import { GroundcrewError } from '../../src/base/errors.ts';
import type { Consumer, Delivery, DeliveryHandler, DeathReason, Queue, QueueOptions } from '../../src/queue/queue.ts';
import { sendControl } from './broker-control.ts';
import {
  newConnection,
  tellState,
  whenUp,
  type Connection,
  type Link,
  type ModelConsumer,
  type ModelQueue,
  type Stored,
  type Subscription,
} from './broker-shapes.ts';
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
  /** Of queues without a leader: orders refused, and queues removed. */
  refusals = 0;
  remade = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** A connection for one life of a process. */
  connect(life: Life, owner: string): Link {
    const connection = newConnection(life, owner);
    this.#connections.add(connection);
    const queue: Queue = {
      declare: (name, options) => this.#online(connection, () => this.#declare(name, options)),
      publish: (name, message) => this.#publish(connection, name, message.body),
      consume: (name, handler, options) => this.#consume(connection, name, handler, options?.prefetch ?? 1),
      counts: (name) => this.#online(connection, () => this.countsNow(name)),
      purge: (name) => this.#purge(connection, name),
      sendControl: (to, message) =>
        this.#online(connection, () => {
          sendControl(this.#world, this.#connections, { to, message, isHostile: this.isHostile });
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
      remove: (name) =>
        this.#online(connection, () => {
          this.#remove(name);
        }),
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

  /**
   * Killed in the moment after a queue was declared, RabbitMQ 3.10 leaves it without a leader: it is found, and looks empty, but it
   * refuses every publish, and whoever consumes from it or purges it loses its connection, until it is removed. All of that comes
   * late: measured, 65 s for a publish and a consumer and 30 s for a purge. To be called while nobody is connected.
   */
  deafen(name: string): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    this.#world.note('broker', () => `${name} takes and gives nothing any more`);
    queue.ready = [];
    queue.isDeaf = true;
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
    this.#queues.set(name, { name, options, ready: [], unacked: new Map(), consumers: [], isDeaf: false });
    return 'made';
  }

  /** With all that is in it. Whoever consumes from it does so again when there is one of that name. */
  #remove(name: string): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    this.#world.note('broker', () => `${name} was removed`);
    if (queue.isDeaf) this.remade += 1;
    this.#queues.delete(name);
    queue.ready = [];
    queue.unacked.clear();
    for (const connection of this.#connections)
      for (const subscription of connection.subscriptions)
        if (subscription.queue === name) this.#subscribeSoon(connection, subscription, 1);
  }

  /** A round trip on a connection that works; waits while it does not. */
  async #online<T>(connection: Connection, effect: () => T): Promise<T> {
    for (;;) {
      await whenUp(connection);
      const { epoch } = connection;
      await this.#world.pause(this.#world.dice.between(0, 3));
      if (!connection.isUp || connection.epoch !== epoch) continue;
      return effect();
    }
  }

  /** Repeats itself until it is confirmed, as the client library does: what was applied before a cut is applied twice. */
  async #publish(connection: Connection, name: string, body: string): Promise<void> {
    const { dice } = this.#world;
    for (;;) {
      await whenUp(connection);
      const { epoch } = connection;
      await this.#world.pause(dice.between(0, this.isHostile && dice.chance(0.05) ? 2_000 : 5));
      const isHere = connection.isUp && connection.epoch === epoch;
      if (isHere) await this.#untilTaken(name);
      // The broker may have had it just before the cut.
      if (isHere || dice.chance(0.5)) this.#put(name, body, null);
      if (!isHere) continue;
      if (this.isHostile && dice.chance(0.01)) this.#put(name, body, null);
      await this.#world.pause(dice.between(0, 3));
      if (connection.isUp && connection.epoch === epoch) return;
    }
  }

  async #purge(connection: Connection, name: string): Promise<void> {
    const isDeaf = await this.#online(connection, () => this.#queues.get(name)?.isDeaf === true);
    if (!isDeaf) {
      this.purgeNow(name);
      return;
    }
    await this.#world.pause(this.#world.dice.between(1_000, 30_000));
    this.#cut(connection, this.#world.dice.between(300, 1_500));
    throw new GroundcrewError('queue/failed', `${name} has no leader`, { retry: 'later' });
  }

  /** @throws GroundcrewError as the adapter does. */
  async #untilTaken(name: string): Promise<void> {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new GroundcrewError('queue/not-declared', `there is no ${name}`, { retry: 'later' });
    if (!queue.isDeaf) return;
    await this.#world.pause(this.#world.dice.between(1_000, 65_000));
    this.refusals += 1;
    throw new GroundcrewError('queue/not-stored', `${name} has no leader`, { retry: 'later' });
  }

  #put(name: string, body: string, death: Stored['death']): void {
    const queue = this.#queues.get(name);
    if (queue === undefined || queue.isDeaf) return;
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
          current.queue.consumers = current.queue.consumers.filter((one) => one !== current);
        }
      },
    };
  }

  /** Tries again, less and less often, while the connection lives; the next one begins anew. */
  #subscribeSoon(connection: Connection, subscription: Subscription, tries: number): void {
    const { epoch } = connection;
    this.#world.at(this.#world.dice.between(100, Math.min(10_000, 200 * 2 ** tries)), () => {
      if (connection.epoch === epoch && connection.isUp) this.#subscribe(connection, subscription, tries + 1);
    });
  }

  #subscribe(connection: Connection, subscription: Subscription, tries = 1): void {
    const { queue: name, handler, prefetch, consumer } = subscription;
    const queue = this.#queues.get(name);
    if (consumer.isCanceled) return;
    if (queue === undefined) {
      this.#subscribeSoon(connection, subscription, tries);
      return;
    }
    if (queue.isDeaf) {
      const { epoch } = connection;
      this.#world.at(this.#world.dice.between(2_000, 65_000), () => {
        if (connection.epoch === epoch && this.#queues.get(name) === queue)
          this.#cut(connection, this.#world.dice.between(300, 1_500));
      });
      return;
    }
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

  #cut(connection: Connection, forMs: number): void {
    if (!connection.isUp) return;
    this.#world.note(connection.owner, () => `connection cut for ${String(Math.round(forMs / 1000))} s`);
    connection.isUp = false;
    this.#returnAll(connection);
    this.#world.at(0, () => {
      connection.life.whenAwake(() => {
        tellState(connection, 'down');
      });
    });
    this.#world.at(forMs, () => {
      if (!connection.life.isAlive) return;
      connection.epoch += 1;
      connection.isUp = true;
      this.#world.note(connection.owner, () => 'connection back');
      for (const subscription of connection.subscriptions) this.#subscribe(connection, subscription);
      for (const resolve of connection.waiting.splice(0)) resolve();
      tellState(connection, 'up');
    });
  }

  #gone(connection: Connection): void {
    connection.isUp = false;
    this.#connections.delete(connection);
    this.#returnAll(connection);
  }

  #returnAll(connection: Connection): void {
    for (const queue of this.#queues.values()) {
      queue.consumers = queue.consumers.filter((consumer) => consumer.connection !== connection);
      for (const [stored, consumer] of [...queue.unacked]) {
        if (consumer.connection !== connection) continue;
        queue.unacked.delete(stored);
        this.#giveBack(queue, stored);
      }
      this.#dispatch(queue);
    }
  }
}
