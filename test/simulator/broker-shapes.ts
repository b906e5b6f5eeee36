import type { DeathReason, DeliveryHandler, Message, QueueOptions } from '../../src/queue/queue.ts';
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
  readonly consumers: ModelConsumer[];
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

/** One process' link to the broker. An epoch ends with each cut; what was handed out in it comes back. */
export interface Connection {
  readonly life: Life;
  readonly owner: string;
  epoch: number;
  isUp: boolean;
  isDroppedBefore: boolean;
  readonly hears: ((state: 'up' | 'down') => void)[];
  readonly subscriptions: {
    readonly queue: string;
    readonly handler: DeliveryHandler;
    readonly prefetch: number;
    readonly consumer: { isCanceled: boolean; current: ModelConsumer | null };
  }[];
  readonly control: { readonly worker: string; readonly hear: (message: Message) => void }[];
  readonly waiting: (() => void)[];
}
