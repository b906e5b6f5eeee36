import assert from 'node:assert/strict';
import { until } from '../../test/support/until.ts';
import type { Answer, Consumer, Delivery, Queue } from './queue.ts';

/** One broker under test, fresh and empty. */
export interface QueueHarness {
  /** How long to wait for what must come. */
  readonly patienceMs: number;
  /** A client of its own, as another process would have. */
  readonly connect: () => Promise<Queue>;
  /** Cuts this client off, so that the broker takes it for dead; the client does not hear of it at first. */
  readonly cut: (queue: Queue) => Promise<void>;
  /** Resolves when so much time has passed for the broker. */
  readonly pass: (timeMs: number) => Promise<void>;
  /** Resolves when everything that was on its way has arrived. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** One sentence of the port's contract. */
export interface QueueClause {
  readonly title: string;
  readonly check: (harness: QueueHarness) => Promise<void>;
}

/** A handler that holds each delivery until the test answers it. */
export class Hands {
  readonly deliveries: Delivery[] = [];
  readonly bodies: string[] = [];
  readonly #harness: QueueHarness;
  readonly #answers: ((answer: Answer) => void)[] = [];

  constructor(harness: QueueHarness) {
    this.#harness = harness;
  }

  readonly take = (delivery: Delivery): Promise<Answer> => {
    this.deliveries.push(delivery);
    this.bodies.push(delivery.body);
    return new Promise((resolve) => {
      this.#answers.push(resolve);
    });
  };

  answer(index: number, answer: Answer): void {
    this.#answers[index]?.(answer);
  }

  /** The delivery at `index`, waited for. */
  get(index: number): Promise<Delivery> {
    return until(() => this.deliveries[index], { within: this.#harness.patienceMs, what: `delivery ${index}` });
  }
}

/** A consumer that acknowledges all that it gets. */
export async function collect(queue: Queue, name: string): Promise<{ got: Delivery[]; consumer: Consumer }> {
  const got: Delivery[] = [];
  const consumer = await queue.consume(name, async (delivery) => {
    got.push(delivery);
    return 'ack';
  });
  return { got, consumer };
}

/** The bodies of deliveries, in their order. */
export function bodies(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ body }) => body);
}

/** Waits until the queue counts so. */
export async function reach(
  harness: QueueHarness,
  queue: Queue,
  expected: { readonly name: string; readonly ready: number; readonly unacked: number },
): Promise<void> {
  const { name, ready, unacked } = expected;
  await until(
    async () => {
      assert.deepEqual({ ...(await queue.counts(name)) }, { ready, unacked });
      return true;
    },
    { within: harness.patienceMs, what: `${ready} ready and ${unacked} unacked in ${name}` },
  );
}

/** Waits until so many have come. */
export async function collected(harness: QueueHarness, got: readonly unknown[], count: number): Promise<void> {
  await until(() => got.length >= count, { within: harness.patienceMs, what: `${count} messages` });
}
