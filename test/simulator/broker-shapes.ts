import type { DeathReason, DeliveryHandler, Message, Queue, QueueOptions } from '../../src/queue/queue.ts';
import type { Life } from './world.ts';

/** A message in the model broker. `place` keeps the order of first arrival. */
export interface Stored {
  readonly place: number;
  readonly body: string;
  readonly expiresAt: number | null;
  readonly death: { readonly queue: string; readonly reason: DeathReason } | null;
  count: number;
  isRedelivered: boolean;
}

/** A queue of the model broker. */
export interface ModelQueue {
  readonly name: string;
  readonly options: QueueOptions;
  ready: Stored[];
  readonly unacked: Map<Stored, ModelConsumer>;
  consumers: ModelConsumer[];
  /** Without a leader. */
  isDeaf: boolean;
}

/** One consumer of one epoch of a connection. */
export interface ModelConsumer {
  readonly connection: Connection;
  readonly queue: ModelQueue;
  readonly handler: DeliveryHandler;
  readonly epoch: number;
  isCanceled: boolean;
  readonly prefetch: number;
  inHand: number;
  /** When the last delivery arrives: a channel keeps its order. */
  arrivesAt: number;
}

/** What a process wants to hear, on each of its connections. */
export interface Subscription {
  readonly queue: string;
  readonly handler: DeliveryHandler;
  readonly prefetch: number;
  readonly consumer: { isCanceled: boolean; current: ModelConsumer | null };
}

/** One process' link to the broker. An epoch ends with each cut; what was handed out in it comes back. */
export interface Connection {
  readonly life: Life;
  readonly owner: string;
  epoch: number;
  isUp: boolean;
  isDroppedBefore: boolean;
  readonly hears: ((state: 'up' | 'down') => void)[];
  readonly subscriptions: Subscription[];
  readonly control: { readonly worker: string; readonly hear: (message: Message) => void }[];
  readonly waiting: (() => void)[];
}

export function newConnection(life: Life, owner: string): Connection {
  return {
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
}

export function tellState(connection: Connection, state: 'up' | 'down'): void {
  for (const hear of connection.hears) hear(state);
}

/** Waits while it is cut. */
export function whenUp(connection: Connection): Promise<void> {
  if (connection.isUp) return Promise.resolve();
  return new Promise((resolve) => connection.waiting.push(resolve));
}

/** What a process has of the broker, and what can be done to it. */
export interface Link {
  readonly queue: Queue;
  readonly cut: (forMs: number) => void;
  readonly isUp: () => boolean;
  /** Removes a queue with all that is in it. */
  readonly remove: (name: string) => Promise<void>;
  readonly dead: () => void;
}
