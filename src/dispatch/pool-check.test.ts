import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { FakeWorker } from '../../test/support/ledger-world.ts';
import { silentLogger } from '../base/logger.ts';
import type { ControlMessage } from '../core/worker-message.ts';
import type { Delivery } from '../queue/queue.ts';
import { collect, type CollectDeps } from './collect.ts';
import { createPoolCheck } from './pool-check.ts';

const told: ControlMessage[] = [];
const isOutOfPool = createPoolCheck({
  poolsOf: (name) => (name === 'w' ? ['lab'] : name === 'w2' ? ['lab', 'default'] : null),
  queue: { sendControl: (_to, { body }) => Promise.resolve(void told.push(JSON.parse(body) as ControlMessage)) },
  clock: createHandClock(),
  logger: silentLogger,
});
const hello = new FakeWorker('w').hello([], 1);

test('R10: who offers a pool that its certificate was not made for gets nothing, and is told', async () => {
  told.length = 0;
  // There is no ledger that it could reach.
  const deps: Partial<CollectDeps> = {
    isNamesake: () => Promise.resolve(false),
    isOutOfPool,
    identity: null,
    inTurn: (_worker, _delivery, work) => work(),
  };
  const delivery: Partial<Delivery> = { body: JSON.stringify(hello), from: 'w' };
  assert.equal(await collect(deps as CollectDeps, delivery as Delivery), 'ack');
  const [message] = told;
  assert.ok(message?.kind === 'refused' && message.host === hello.offer.hostname);
  assert.match(message.why, /certificate of w is for lab, and .* offers the pool default/);
});

test('who was made for the pool, or of whom nothing is known, is believed', async () => {
  told.length = 0;
  assert.equal(await isOutOfPool({ ...hello, worker: 'w2' }), false);
  assert.equal(await isOutOfPool({ ...hello, worker: 'w3' }), false);
  assert.deepEqual(told, []);
});
