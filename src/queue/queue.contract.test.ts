import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEmbeddedBroker } from '../../test/support/embedded-broker.ts';
import type { QueueHarness } from './hands.contract.ts';
import { queueClauses } from './queue.contract.ts';
import type { Delivery, DeliveryHandler, Queue } from './queue.ts';

/** A sound queue with one fault. */
type Fault = (queue: Queue) => Partial<Queue>;

/** The same consumer with another handler around or instead of the test's. */
function handling(queue: Queue, change: (handler: DeliveryHandler) => DeliveryHandler): Partial<Queue> {
  return { consume: (name, handler, options) => queue.consume(name, change(handler), options) };
}

/** The same deliveries, retouched. */
function delivering(queue: Queue, change: (delivery: Delivery) => Partial<Delivery>): Partial<Queue> {
  return handling(queue, (handler) => (delivery) => handler({ ...delivery, ...change(delivery) }));
}

/** Each fault, with the beginning of the clause that must see it. */
const faults: Readonly<Record<string, { readonly clause: string; readonly fault: Fault }>> = {
  'acks before the handler has answered': {
    clause: 'a message is unacked until',
    fault: (queue) =>
      handling(queue, (handler) => async (delivery) => {
        void handler(delivery);
        return 'ack';
      }),
  },
  'forgets the redelivered flag after a death': {
    clause: 'the unanswered delivery of a dead consumer',
    fault: (queue) => delivering(queue, () => ({ isRedelivered: false })),
  },
  'forgets the redelivered flag after retry': {
    clause: 'retry hands the message out again',
    fault: (queue) => delivering(queue, () => ({ isRedelivered: false })),
  },
  'does not count deliveries': {
    clause: 'retry hands the message out again',
    fault: (queue) => delivering(queue, () => ({ deliveryCount: 1 })),
  },
  'loses the order': {
    clause: 'messages of one publisher come in the order',
    fault: (queue) => ({
      publish: async (name, message) => {
        if (message.body === '7') await new Promise((resolve) => setTimeout(resolve, 30));
        await queue.publish(name, message);
      },
    }),
  },
  'resolves publish too early': {
    clause: 'what was published is there for others',
    fault: (queue) => ({
      publish: async (name, message) => {
        setTimeout(() => void queue.publish(name, message).catch(() => undefined), 20);
      },
    }),
  },
  'delivers after cancel': {
    clause: 'nothing is delivered after cancel',
    fault: (queue) => ({
      consume: async (name, handler, options) => {
        await queue.consume(name, handler, options);
        return { cancel: () => Promise.resolve() };
      },
    }),
  },
  'hoards the next job while the first is claimed': {
    clause: 'a handler that cancels its consumer',
    fault: (queue) => ({
      consume: (name, handler) =>
        queue.consume(name, handler, { prefetch: 2 }).then(() => ({ cancel: async () => undefined })),
    }),
  },
  'ignores the prefetch': {
    clause: 'a consumer has one unanswered delivery',
    fault: (queue) => ({ consume: (name, handler) => queue.consume(name, handler, { prefetch: 10 }) }),
  },
  'forgets the time to live': {
    clause: 'a message that nobody takes in time',
    fault: (queue) => ({ declare: (name, { ttlMs: _, ...options }) => queue.declare(name, options) }),
  },
  'hands out what has expired': {
    clause: 'an expired message is not handed out',
    fault: (queue) => ({ declare: (name, { ttlMs: _, ...options }) => queue.declare(name, options) }),
  },
  'forgets the delivery limit': {
    clause: 'a message that was returned more often',
    fault: (queue) => {
      let retries = 0;
      return {
        declare: (name, { deliveryLimit: _, ...options }) => queue.declare(name, options),
        // The fault would spin for ever.
        ...handling(queue, (handler) => async (delivery) => {
          retries += 1;
          return retries > 100 ? 'ack' : handler(delivery);
        }),
      };
    },
  },
  'dead-letters without a reason': {
    clause: 'reject dead-letters the message',
    fault: (queue) => delivering(queue, () => ({ death: null })),
  },
  'dead-letters with a wrong reason': {
    clause: 'a message that nobody takes in time',
    fault: (queue) =>
      delivering(queue, ({ death }) => ({ death: death === null ? null : { ...death, reason: 'rejected' } })),
  },
  'drops what was rejected': {
    clause: 'reject dead-letters the message',
    fault: (queue) =>
      handling(queue, (handler) => async (delivery) => {
        const answer = await handler(delivery);
        return answer === 'reject' ? 'ack' : answer;
      }),
  },
  'loses the message of a handler that throws': {
    clause: 'a handler that throws',
    fault: (queue) =>
      handling(queue, (handler) => async (delivery) => {
        try {
          return await handler(delivery);
        } catch {
          return 'ack';
        }
      }),
  },
  'confirms a claim on a lost connection': {
    clause: 'a claim on a lost connection',
    fault: (queue) => delivering(queue, () => ({ publishConfirmed: (name, message) => queue.publish(name, message) })),
  },
  'resolves a claim before it is stored': {
    clause: 'publishConfirmed has put its message',
    fault: (queue) =>
      delivering(queue, (delivery) => ({
        publishConfirmed: async (name, message) => {
          setTimeout(() => void delivery.publishConfirmed(name, message).catch(() => undefined), 30);
        },
      })),
  },
  'always says made': {
    clause: 'declare makes a queue once',
    fault: (queue) => ({ declare: (name, options) => queue.declare(name, options).then(() => 'made') }),
  },
  'makes queues unasked': {
    clause: 'a queue that nobody declared',
    fault: (queue) => ({
      publish: async (name, message) => {
        await queue.declare(name, {});
        await queue.publish(name, message);
      },
    }),
  },
  'cuts long bodies': {
    clause: 'a body arrives as it was sent',
    fault: (queue) => ({ publish: (name, { body }) => queue.publish(name, { body: body.slice(0, 100_000) }) }),
  },
  'counts what is in hand as ready': {
    clause: 'purge drops what is ready',
    fault: (queue) => ({
      counts: (name) => queue.counts(name).then(({ ready, unacked }) => ({ ready: ready + unacked, unacked: 0 })),
    }),
  },
  'does not purge': { clause: 'purge drops what is ready', fault: () => ({ purge: () => Promise.resolve() }) },
  'tells everybody everything': {
    clause: 'control messages reach the worker',
    fault: (queue) => ({ sendControl: (_to, message) => queue.sendControl('all', message) }),
  },
  'does not speak to all': {
    clause: 'control messages reach the worker',
    fault: (queue) => ({
      sendControl: (to, message) => (to === 'all' ? Promise.resolve() : queue.sendControl(to, message)),
    }),
  },
  'keeps what it had in hand when it closes': {
    clause: 'close returns what is in hand',
    fault: () => ({ close: () => Promise.resolve() }),
  },
};

test('the contract lets a queue without a fault pass', async () => {
  for (const { title, check } of queueClauses) {
    const harness = await openEmbeddedBroker();
    try {
      await check(faulty(harness, () => ({})));
    } catch (cause) {
      throw new Error(title, { cause });
    } finally {
      await harness.close();
    }
  }
});

for (const [name, { clause, fault }] of Object.entries(faults)) {
  test(`the contract sees a queue that ${name}`, async () => {
    const found = queueClauses.find(({ title }) => title.startsWith(clause));
    assert.ok(found !== undefined, `no clause begins with ${clause}`);
    const harness = await openEmbeddedBroker(300);
    try {
      await assert.rejects(found.check(faulty(harness, fault)));
    } finally {
      await harness.close();
    }
  });
}

function faulty(harness: QueueHarness, fault: Fault): QueueHarness {
  const sound = new Map<Queue, Queue>();
  return {
    ...harness,
    async connect() {
      const inner = await harness.connect();
      const outer: Queue = {
        declare: (name, options) => inner.declare(name, options),
        publish: (name, message) => inner.publish(name, message),
        consume: (name, handler, options) => inner.consume(name, handler, options),
        counts: (name) => inner.counts(name),
        purge: (name) => inner.purge(name),
        sendControl: (to, message) => inner.sendControl(to, message),
        onControl: (worker, hear) => inner.onControl(worker, hear),
        onConnection: (hear) => {
          inner.onConnection(hear);
        },
        close: () => inner.close(),
        ...fault(inner),
      };
      sound.set(outer, inner);
      return outer;
    },
    cut: (queue) => harness.cut(sound.get(queue) ?? queue),
  };
}
