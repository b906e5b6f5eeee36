import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, decide, enqueue, shaOf } from '../../test/support/ledger-world.ts';
import { hourMs, never, openOutboxWorld, refusal, work } from '../../test/support/outbox-world.ts';
import { until } from '../../test/support/until.ts';
import type { Job } from '../core/job.ts';

test('a failed post comes back after a growing pause, and the final state is never lost', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, clock, outbox, forge } = world;
  const job = anOrder();
  await enqueue(ledger, job);
  forge.fail = 2;
  assert.equal(await outbox.flush(never), clock.now() + 2_000);
  clock.pass(2_000);
  assert.equal(await outbox.flush(never), clock.now() + 4_000);
  await work(world, job, { kind: 'passed' });
  await outbox.flush(never);
  assert.deepEqual(forge.contexts, ['test success']);
});

test('a forge that is away is not asked for each thing again, and holds up no other', async (t) => {
  const { ledger, outbox, forge, other, clock } = openOutboxWorld(t);
  const hub = anOrder({ context: 'hub' });
  const there: Job = { ...hub, subject: { ...hub.subject, forge: 'hub' } };
  for (let n = 0; n < 20; n += 1) await enqueue(ledger, anOrder({ context: `c${String(n)}` }));
  await enqueue(ledger, there);
  forge.fail = 1_000;
  const nextAt = await outbox.flush(never);
  assert.equal(1_000 - forge.fail, 3, 'three failures are enough');
  assert.ok(nextAt !== null && nextAt > clock.now());
  assert.deepEqual(other.contexts, ['hub pending']);
});

test('a rate limit pauses its forge for as long as it says, and counts against nothing', async (t) => {
  const { ledger, outbox, forge, clock, database } = openOutboxWorld(t);
  for (const context of ['a', 'b']) await enqueue(ledger, anOrder({ context }));
  [forge.fail, forge.error] = [1, refusal('forge/rate-limited', 'later', 90_000)];
  assert.equal(await outbox.flush(never), clock.now() + 90_000);
  assert.equal(await outbox.flush(never), clock.now() + 90_000);
  assert.equal(forge.posted.length, 0);
  assert.equal(database.read((sql) => sql.get<{ n: number }>('SELECT SUM(tries) AS n FROM reports'))?.n, 0);
  clock.pass(90_000);
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(forge.contexts, ['a pending', 'b pending']);
});

test('a token that the forge does not know any more loses no verdict', async (t) => {
  const world = openOutboxWorld(t);
  await enqueue(world.ledger, anOrder());
  await work(world, anOrder(), { kind: 'passed' });
  [world.forge.fail, world.forge.error] = [5, refusal('forge/unauthorized', 'never')];
  await world.flushFor(2 * hourMs);
  assert.deepEqual(world.forge.contexts, ['test success']);
});

test('what the forge refuses for good is shown and set aside; a verdict is tried again each day', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, forge, clock, reader, flushFor } = world;
  const [sad, fine] = [anOrder({ context: 'sad' }), anOrder({ context: 'fine', sha: shaOf('b') })];
  await enqueue(ledger, sad);
  await work(world, sad, { kind: 'passed' });
  [forge.fail, forge.error] = [3, refusal('forge/not-found', 'never')];
  await flushFor(hourMs);
  assert.equal(forge.fail, 0, 'three tries');
  await enqueue(ledger, fine);
  await flushFor(hourMs);
  assert.deepEqual(forge.contexts, ['fine pending'], 'it blocks nobody');
  const [refused, ...more] = await reader.refusedReports(9);
  assert.deepEqual([refused?.context, refused?.why, more.length], ['sad', 'forge/not-found', 0]);
  const { reportsDue, reportsRefused } = await reader.counts();
  assert.deepEqual([reportsDue, reportsRefused], [0, 1]);
  forge.fail = 1;
  clock.pass(24 * hourMs);
  await flushFor(hourMs);
  assert.deepEqual([forge.posted.length, (await reader.counts()).reportsRefused], [1, 1], 'refused again');
  clock.pass(24 * hourMs);
  await flushFor(hourMs);
  assert.deepEqual(forge.contexts, ['fine pending', 'sad success']);
  assert.equal((await reader.counts()).reportsRefused, 0);
});

test('when little of the hour is left, steps between are left out, then first words wait, and verdicts go on', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, outbox, forge, clock } = world;
  const [a, b] = [anOrder({ context: 'a' }), anOrder({ context: 'b' })];
  await enqueue(ledger, a);
  await outbox.flush(never);
  forge.left = 99;
  await work(world, a, 'running');
  assert.equal(await outbox.flush(never), null);
  assert.deepEqual(forge.contexts, ['a pending'], 'that it runs is not said any more');
  forge.left = 24;
  await enqueue(ledger, b);
  assert.equal(await outbox.flush(never), clock.now() + 60_000);
  const done = anOrder({ context: 'c' });
  await enqueue(ledger, done);
  await work(world, done, { kind: 'passed' });
  await outbox.flush(never);
  assert.deepEqual(forge.contexts, ['a pending', 'c success']);
  forge.left = 500;
  await outbox.flush(never);
  assert.deepEqual(forge.contexts.slice(2), ['b pending'], 'late, but not left out');
});

test('a push of many contexts holds up nobody else’s first word', async (t) => {
  const { ledger, clock, forge, flushFor } = openOutboxWorld(t, { spacingMs: 1_000 });
  for (let n = 0; n < 30; n += 1) await enqueue(ledger, anOrder({ context: `c${String(n)}` }), { now: 1 });
  await flushFor(3_000);
  const before = forge.posted.length;
  await enqueue(ledger, anOrder({ repo: 'small', context: 'x' }), { now: clock.now() });
  await flushFor(3_000);
  assert.ok(forge.contexts.slice(before, before + 2).includes('x pending'), forge.contexts.join());
});

test('what a push superseded waits for the first words of the new commit; what nobody was told of is not told at all', async (t) => {
  const { ledger, forge, outbox, reader } = openOutboxWorld(t);
  const [shown, unseen] = [anOrder({ context: 'shown' }), anOrder({ context: 'unseen' })];
  await enqueue(ledger, shown);
  await outbox.flush(never);
  await enqueue(ledger, unseen);
  const next = anOrder({ context: 'new', sha: shaOf('b') });
  await decide(
    ledger,
    next,
    [
      ...[shown, unseen].map(
        ({ id }) => ({ kind: 'cancel', jobId: id, reason: 'superseded', by: shaOf('b') }) as const,
      ),
      { kind: 'enqueue', job: next, generation: 1 },
    ],
    { change: { version: 2 } },
  );
  await outbox.flush(never);
  assert.deepEqual(
    forge.posted.map(({ context, description }) => `${context}: ${description}`),
    ['shown: Waiting: 3 before it', 'new: Waiting: 3 before it', `shown: Superseded by ${'b'.repeat(12)}`],
  );
  assert.equal((await reader.counts()).reportsDue, 0);
});

test('answers to people go before first words, and take a quarter of the writes while verdicts wait', async (t) => {
  const world = openOutboxWorld(t);
  const { ledger, forge, outbox } = world;
  const order: string[] = [];
  for (let n = 0; n < 6; n += 1) {
    const job = anOrder({ context: `c${String(n)}` });
    await enqueue(ledger, job);
    await work(world, job, { kind: 'passed' });
  }
  await enqueue(ledger, anOrder({ context: 'first' }));
  const asked = ['r1', 'r2', 'r3'].map((requestId) => ({ kind: 'request-done', requestId }) as const);
  await decide(ledger, anOrder(), asked);
  forge.posted.push = (status) => order.push(status.context);
  forge.told.push = (what) => order.push(what);
  await outbox.flush(never);
  assert.deepEqual(order, [
    ...['done r1', 'c0', 'c1', 'c2'],
    ...['done r2', 'c3', 'c4', 'c5'],
    ...['done r3', 'first'],
  ]);
});

test('a request whose comment is gone is given up after a few tries', async (t) => {
  const { ledger, forge, flushFor, outbox } = openOutboxWorld(t);
  await decide(ledger, anOrder(), [{ kind: 'request-done', requestId: 'r1' }]);
  [forge.fail, forge.error] = [99, refusal('forge/not-found', 'never')];
  await flushFor(hourMs);
  assert.equal(forge.fail, 96);
  assert.equal(await outbox.flush(never), null);
});

test('reasons of waiting are renewed with a tenth of the hour’s writes at most', async (t) => {
  const { ledger, forge, clock, flushFor, waiting } = openOutboxWorld(t);
  for (let n = 0; n < 80; n += 1) await enqueue(ledger, anOrder({ context: `c${String(n)}` }));
  await flushFor(1_000);
  assert.equal(forge.posted.length, 80);
  waiting.reason = { sentence: 'no worker is here', isBlocked: true };
  clock.pass(20 * 60_000);
  await flushFor(1_000);
  assert.equal(forge.posted.length - 80, 50);
  forge.left = 500;
  clock.pass(hourMs);
  for (let n = 0; n < 3; n += 1) {
    clock.pass(60_000);
    await flushFor(1_000);
  }
  assert.equal(forge.posted.length - 80, 80);
});

test('a verdict that comes while the forge takes nothing goes first when it does', async (t) => {
  const world = openOutboxWorld(t, { spacingMs: 1_000 });
  const { ledger, clock, outbox, forge } = world;
  const jobs = ['a', 'b', 'c', 'd'].map((context) => anOrder({ context }));
  for (const job of jobs) await enqueue(ledger, job);
  const abort = new AbortController();
  const running = outbox.run(abort.signal);
  await until(() => forge.posted.length === 1);
  await work(world, jobs.at(-1) ?? assert.fail(), { kind: 'passed' });
  outbox.wake();
  for (const count of [2, 3, 4]) {
    // Both lanes, and who looks for new forges.
    await until(() => clock.waiting === 3);
    clock.pass(999);
    assert.equal(forge.posted.length, count - 1, 'nothing goes before the forge takes it');
    clock.pass(1);
    await until(() => forge.posted.length === count);
  }
  abort.abort();
  await running;
  assert.deepEqual(forge.contexts, ['a pending', 'd success', 'b pending', 'c pending']);
});

test('an abort ends the wait', async (t) => {
  const { ledger, outbox, forge } = openOutboxWorld(t, { spacingMs: 1_000 });
  for (const context of ['a', 'b']) await enqueue(ledger, anOrder({ context }));
  const abort = new AbortController();
  const running = outbox.run(abort.signal);
  await until(() => forge.posted.length === 1);
  abort.abort();
  await running;
  assert.equal(forge.posted.length, 1);
});
