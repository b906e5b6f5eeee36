import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, enqueue, FakeWorker, offer } from '../../test/support/ledger-world.ts';
import { openOutboxWorld } from '../../test/support/outbox-world.ts';
import { createAskWaiting } from './ask-waiting.ts';

test('a waiting job’s reason is that of its page: its place, and who is missing', async (t) => {
  const { ledger, reader, clock } = openOutboxWorld(t);
  const [first, second] = [anOrder({ context: 'a' }), anOrder({ context: 'b' })];
  for (const job of [first, second]) await enqueue(ledger, job);
  const ask = createAskWaiting(reader, clock);
  assert.deepEqual(await ask(second.id), { sentence: 'no worker is here', isBlocked: true });
  await ledger.hello(new FakeWorker('w1').hello([], 0), new Set(), clock.now());
  assert.deepEqual(await ask(second.id), { sentence: 'the worker is busy; 1 before it', isBlocked: false });
  await offer(ledger, second);
  assert.equal(await ask(second.id), null, 'it waits for nothing that we know');
});
