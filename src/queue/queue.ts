/** What a queue carries. `body` is JSON text of at most `maxMessageBytes`; `headers` are small. */
export interface Message {
  readonly body: string;
}

/** Bodies beyond this are refused with `queue/message-too-large`; large job data travels by reference. */
export const maxMessageBytes = 1024 * 1024;

/** Why a message came to a dead-letter queue. */
export type DeathReason = 'expired' | 'rejected' | 'delivery-limit';

/** Made once per queue, before use; declaring again with the same options changes nothing. */
export interface QueueOptions {
  /** A message unclaimed for so long is dead-lettered as `expired` (R7). */
  readonly ttlMs?: number;
  /** Returned more often than this: dead-lettered as `delivery-limit` (R7). */
  readonly deliveryLimit?: number;
  /** Where dead letters go; without it they are counted and dropped. */
  readonly deadLetterTo?: string;
}

/** One message in a consumer's hands, until its handler's answer. */
export interface Delivery extends Message {
  /** The broker handed this message out before and does not know what became of it. */
  readonly isRedelivered: boolean;
  /** How often it was handed out, this time included (≥ 1); exact only if the broker counts. */
  readonly deliveryCount: number;
  /** Who published it, where the broker itself vouches for that: its user there, `''` for one who did not say. Null: nobody vouches. */
  readonly from: string | null;
  /** Set on dead letters. */
  readonly death: { readonly queue: string; readonly reason: DeathReason } | null;
  /**
   * Publishes on the connection that delivered this message and resolves when the broker has it (R2).
   * @throws GroundcrewError `queue/claim-unconfirmed`: that connection is gone, so this delivery is nobody's: forget it.
   */
  publishConfirmed(queue: string, message: Message): Promise<void>;
}

/** `ack`: done with it. `retry`: hand it out again. `reject`: dead-letter it. */
export type Answer = 'ack' | 'retry' | 'reject';

/**
 * Takes one delivery; its answer is sent after the promise resolves. It may cancel its own consumer first (R2).
 * A handler that throws answers `retry`.
 */
export type DeliveryHandler = (delivery: Delivery) => Promise<Answer>;

/** A running consumer. */
export interface Consumer {
  /** No new delivery after this resolves; strays go back to the queue. The delivery in hand may still be answered. Twice is harmless. */
  cancel(): Promise<void>;
}

/** Ready and handed-out-but-unanswered messages of one queue. */
export interface QueueCounts {
  readonly ready: number;
  readonly unacked: number;
}

/**
 * A work queue between the server and its workers. At least once, FIFO, durable; a consumer has one unanswered delivery
 * (prefetch 1) unless asked for more. Unanswered deliveries of a dead consumer return with `isRedelivered`.
 * All calls survive reconnects without the caller's help; a call that cannot be carried out rejects with a
 * `queue/…` GroundcrewError. Contract suite: `queue.contract.ts`.
 */
export interface Queue {
  /** Creates the queue, or confirms that it is there: `found` means that an earlier life of somebody used it (R9). */
  declare(queue: string, options: QueueOptions): Promise<'made' | 'found'>;
  /** Resolves when the message is durable in the queue. */
  publish(queue: string, message: Message): Promise<void>;
  /** Starts a consumer of a declared queue. Resolves when it is registered. */
  consume(queue: string, handler: DeliveryHandler, options?: { readonly prefetch?: number }): Promise<Consumer>;
  counts(queue: string): Promise<QueueCounts>;
  /** Drops what is ready; unanswered deliveries stay with their consumers. */
  purge(queue: string): Promise<void>;
  /** Best effort, not durable: to one worker by name, or to `'all'` that listen now. */
  sendControl(to: string, message: Message): Promise<void>;
  /** Hears control messages for `worker` and for all, until the returned consumer is cancelled. */
  onControl(worker: string, hear: (message: Message) => void): Promise<Consumer>;
  /** Calls back after every loss and return of the connection, with what it is now (R3). Embedded queues never call. */
  onConnection(hear: (state: 'up' | 'down') => void): void;
  close(): Promise<void>;
}
