import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Answer, Delivery, Queue } from '../queue/queue.ts';
import { keepParked } from './keep-parked.ts';

/** Hands one set-aside message to the server, whose ledger drops so many for it. */
async function handOver(delivery: Pick<Delivery, 'body' | 'from'>, dropped: number) {
  const parked: (string | null)[] = [];
  const errors: string[] = [];
  let handler: ((delivery: Delivery) => Promise<Answer>) | null = null;
  const queue = {
    consume: (_name: string, handle: (delivery: Delivery) => Promise<Answer>) => {
      handler = handle;
      return Promise.resolve({ cancel: () => Promise.reject(new Error('it goes on listening')) });
    },
  } as unknown as Queue;
  const ledger = {
    parked: () => Promise.resolve([]),
    park: ({ worker }: { worker: string | null }) => {
      parked.push(worker);
      return Promise.resolve(dropped);
    },
  } as unknown as Ledger;
  const logger = { ...silentLogger, error: (message: string) => errors.push(message) };
  const deps = { queue, ledger, clock: createHandClock(), logger, identity: 'groundcrew-server' };
  await keepParked(deps, (_delivery, work) => work());
  const hand = handler as unknown as (delivery: Delivery) => Promise<Answer>;
  const whole = { deliveryCount: 0, redelivered: false, death: null, ...delivery } as unknown as Delivery;
  const answers = [await hand(whole), await hand(whole)];
  return { parked, errors, answers };
}

const body = JSON.stringify({ v: 2, worker: 'w1', kind: 'beat' });

test('what is set aside never stays in the broker, however much the ledger has of it; the log says so, seldom', async () => {
  const { answers, errors } = await handOver({ body, from: null }, 1);
  assert.deepEqual(answers, ['ack', 'ack']);
  assert.equal(errors.length, 1);
  assert.deepEqual((await handOver({ body, from: null }, 0)).errors, []);
});

test('it is held against whom the broker vouches for, not against whom it names', async () => {
  assert.deepEqual((await handOver({ body, from: 'bad' }, 0)).parked, ['bad', 'bad']);
  assert.deepEqual((await handOver({ body, from: null }, 0)).parked, ['w1', 'w1']);
  const again = await handOver({ body, from: 'groundcrew-server' }, 0);
  assert.deepEqual(again.parked, ['w1', 'w1'], 'what we say again of others is theirs');
});
