import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, decide, enqueue, shaOf } from '../../test/support/ledger-world.ts';
import { never, openOutboxWorld, refusal, work, type OutboxWorld } from '../../test/support/outbox-world.ts';
import { commitMoved } from '../core/forge-event.ts';

/** What intake is to look at, because of our doubt. */
async function asked({ ledger }: OutboxWorld): Promise<readonly unknown[]> {
  return (await ledger.pendingDeliveries(99)).map(({ event }) => event);
}

const commit = commitMoved({ forge: 'git', repo: 'demo', sha: shaOf('a') });

test('a commit is looked at 15 s after a verdict that followed a post of which nobody knows, and what came late is mended', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, clock, outbox, forge } = world;
  const [job, other] = [anOrder(), anOrder({ context: 'other' })];
  for (const one of [job, other]) await enqueue(ledger, one);
  forge.fail = 2;
  await outbox.flush(never);
  for (const one of [job, other]) await work(world, one, { kind: 'passed' });
  clock.pass(1_000);
  assert.equal(await outbox.flush(never), clock.now() + 15_000);
  assert.deepEqual(await asked(world), []);
  clock.pass(15_000);
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(await asked(world), [commit], 'once for all statuses of a commit');
  await decide(ledger, job, [{ kind: 'restate', jobId: job.id }]);
  await outbox.flush(never);
  assert.deepEqual(forge.contexts, ['test success', 'other success', 'test success']);
});

test('a look that cannot be recorded is asked for again', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, clock, outbox, forge, database } = world;
  await enqueue(ledger, anOrder());
  forge.fail = 1;
  await outbox.flush(never);
  await work(world, anOrder(), { kind: 'passed' });
  await outbox.flush(never);
  clock.pass(15_000);
  await database.change((sql) => sql.run('ALTER TABLE deliveries RENAME TO away'));
  await assert.rejects(outbox.flush(never), /no such table/);
  await database.change((sql) => sql.run('ALTER TABLE away RENAME TO deliveries'));
  await outbox.flush(never);
  assert.deepEqual(await asked(world), [commit]);
});

test('what was superseded is said to be, when the first post may have arrived', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, clock, outbox, forge } = world;
  const order = anOrder();
  await enqueue(ledger, order);
  forge.fail = 1;
  await outbox.flush(never);
  await decide(ledger, order, [{ kind: 'cancel', jobId: order.id, reason: 'superseded', by: shaOf('b') }]);
  clock.pass(2_000);
  await outbox.flush(never);
  assert.deepEqual(forge.contexts, ['test error']);
});

test('the same word said again leaves no doubt', async (t) => {
  const { ledger, clock, outbox, forge } = openOutboxWorld(t);
  await enqueue(ledger, anOrder());
  forge.fail = 1;
  await outbox.flush(never);
  clock.pass(2_000);
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(forge.contexts, ['test pending']);
});

for (const [what, error] of [
  ['a refusal', refusal('forge/refused', 'never')],
  ['a limit', refusal('forge/rate-limited', 'later', 1_000)],
] as const) {
  test(`${what} is an answer, and leaves no doubt`, async (t) => {
    const world = openOutboxWorld(t);
    const { ledger, clock, outbox, forge } = world;
    await enqueue(ledger, anOrder());
    [forge.fail, forge.error] = [1, error];
    await outbox.flush(never);
    await work(world, anOrder(), { kind: 'passed' });
    clock.pass(2_000);
    assert.equal(await outbox.flush(never), null);
    assert.deepEqual(forge.contexts, ['test success']);
  });
}

test('after a minute nothing comes late any more', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, clock, outbox, forge } = world;
  await enqueue(ledger, anOrder());
  forge.fail = 1;
  await outbox.flush(never);
  await work(world, anOrder(), { kind: 'passed' });
  clock.pass(60_000);
  assert.equal(await outbox.flush(never), null);
});
