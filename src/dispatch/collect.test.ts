import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder, envelopeFor, FakeWorker } from '../../test/support/ledger-world.ts';
import { createLogger } from '../base/logger.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import type { WorkerMessage } from '../core/worker-message.ts';
import type { Applied, Ledger } from '../ledger/ledger.ts';
import type { Delivery, Queue } from '../queue/queue.ts';
import { collect, type CollectDeps } from './collect.ts';
import { createPresence } from './presence.ts';
import { createOvertime } from './overtime.ts';
import { createSilence } from './silence.ts';

const key = 'the key of this server';
const { signature: _nobodys, ...order } = envelopeFor(anOrder(), 1, 1);
const ours = FakeWorker.holding(signEnvelope(order, key), 'a');
const forged = FakeWorker.holding(signEnvelope(order, 'another key'), 'b');
const worker = new FakeWorker('w');

/** Whose results were read back, and how many messages had reached the ledger by then. */
const readBack: [string, number][] = [];

/** What reached the ledger of these messages. */
async function heard(...messages: readonly WorkerMessage[]): Promise<readonly WorkerMessage[]> {
  const clock = createHandClock();
  const reached: WorkerMessage[] = [];
  const note = (message: WorkerMessage): Promise<Applied> => {
    reached.push(message);
    return Promise.resolve({ kind: 'applied', isNews: true, stops: [] });
  };
  const deps: CollectDeps = {
    ledger: { sealed: note, bye: note, finished: note, holders: () => Promise.resolve([]) } as unknown as Ledger,
    queue: {} as Queue,
    presence: createPresence(clock),
    silence: createSilence(clock),
    overtime: createOvertime(clock),
    clock,
    logger: createLogger({ level: 'error', isTerminal: false, hasColour: false, write: () => undefined }),
    verifyKeys: [key],
    identity: null,
    wake: () => undefined,
    beforeVerdict: (job) => {
      readBack.push([job.id, reached.length]);
      return Promise.resolve();
    },
    onMarker: () => Promise.resolve(),
    serving: { opened: () => undefined, tell: () => Promise.resolve() },
    refuse: () => Promise.resolve(),
    isNamesake: () => Promise.resolve(false),
    inTurn: (_worker, _delivery, work) => work(),
  };
  for (const message of messages) {
    const delivery = { body: JSON.stringify(message), isRedelivered: false, deliveryCount: 1, from: null, death: null };
    assert.equal(await collect(deps, delivery as unknown as Delivery), 'ack');
  }
  return reached;
}

test('R10: a log is sealed only for an order that we signed', async () => {
  const sealed = worker.sealed(ours);
  assert.deepEqual(await heard(worker.sealed(forged), sealed), [sealed]);
});

test('R10: a worker hands back only orders that we signed', async () => {
  const [bye] = await heard(worker.bye([ours, forged]));
  assert.equal(bye?.kind, 'bye');
  assert.deepEqual(bye.kind === 'bye' && bye.handsBack, [ours]);
});

test('R9: the store is asked before a verdict is applied, and only for orders of ours', async () => {
  readBack.length = 0;
  const stopped = { ...worker.finished(ours), outcome: { kind: 'canceled', reason: 'withdrawn', by: 'w' } as const };
  await heard(worker.finished(forged), stopped, worker.finished(ours));
  assert.deepEqual(readBack, [[order.job.id, 2]]);
});
