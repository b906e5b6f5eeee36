import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHandClock, type HandClock } from '../../test/support/hand-clock.ts';
import { anOrder, aChange, decide, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger, type Logger } from '../base/logger.ts';
import type { Clock } from '../base/clock.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { Job } from '../core/job.ts';
import { jobPrefix, runPrefix } from '../core/run-slug.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { changeKey } from '../core/subject.ts';
import { decideChange } from '../decide/decide-change.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../ledger/sqlite/reader.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { pruneOrphans } from './prune-orphans.ts';
import { pruneRuns } from './prune-runs.ts';
import { forgetOnce, runRetention } from './retention-loop.ts';

const worker = new FakeWorker('w1');
const later = 1_000_000;
const go = new AbortController().signal;

interface World {
  readonly ledger: Ledger;
  readonly store: ObjectStore;
  readonly reader: ReturnType<typeof openSqliteLedgerReader>;
}

async function openWorld(context: CleansUp): Promise<World> {
  const database = openDatabase({ path: ':memory:' });
  context.after(() => database.close());
  const root = join(await tempDir(context), 'store');
  return {
    ledger: openSqliteLedger(database),
    store: await createDirectoryStore({ root, clock: systemClock }),
    reader: openSqliteLedgerReader(database),
  };
}

/** A job that passed, told, with its log, an attachment and its record in the store; its pull request moved on to `head`. */
async function anOldRun({ ledger, store }: World, job: Job = anOrder({ sha: shaOf('1'), pull: 1 })): Promise<Job> {
  await enqueue(ledger, job);
  const holding = FakeWorker.holding(await offer(ledger, job), 'a');
  await ledger.claimed(worker.claimed(holding), true, 2_500);
  await ledger.finished(worker.finished(holding), true, 3_000);
  await storeObjects(store, job, 1);
  await tellAll(ledger);
  await decide(ledger, job, [], { change: { isOpen: false, version: 2 } });
  await enqueue(ledger, anOrder({ repo: `last-${job.id}` }));
  return job;
}

async function storeObjects(store: ObjectStore, job: Job, generation: number): Promise<void> {
  const prefix = runPrefix(job, { generation, n: 1, nonce: 'a'.repeat(16) });
  for (const name of ['log', 'run.json', 'shots/one.png']) {
    await store.put(
      `${prefix}/${name}`,
      { bytes: Buffer.from(name) },
      { contentType: 'text/plain', visibility: 'public' },
    );
  }
}

async function tellAll(ledger: Ledger): Promise<void> {
  for (const report of await ledger.dueReports(later, 999)) {
    await ledger.reportPosted(report, { state: 'success', sentence: 'Passed', path: '/' }, 3_000);
  }
}

async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

test('an old run goes from the store and then from the ledger', async (context) => {
  const world = await openWorld(context);
  const job = await anOldRun(world);
  await storeObjects(world.store, anOrder({ repo: 'last' }), 1);
  const pruned = await pruneRuns({ ...world, clock: systemClock }, later, go);
  assert.deepEqual(pruned, { forgotten: 1, objects: 3, failed: 0, why: null });
  assert.equal(await world.reader.run(job.id), null);
  assert.deepEqual(await keysOf(world.store, jobPrefix(job)), []);
  assert.equal((await keysOf(world.store)).length, 3, 'the other run has its objects');
});

test('a crash between store and ledger leaves a run that the next pass forgets', async (context) => {
  const world = await openWorld(context);
  const job = await anOldRun(world);
  const dying = { ...world.ledger, forgetRuns: () => Promise.reject(new Error('killed')) };
  await assert.rejects(pruneRuns({ ...world, ledger: dying, clock: systemClock }, later, go), /killed/);
  assert.deepEqual(await keysOf(world.store), []);
  assert.notEqual(await world.reader.run(job.id), null);
  const pruned = await pruneRuns({ ...world, clock: systemClock }, later, go);
  assert.deepEqual(pruned, { forgotten: 1, objects: 0, failed: 0, why: null });
});

test('a run whose objects the store keeps stays in the ledger, and those after it go', async (context) => {
  const world = await openWorld(context);
  const stuck = await anOldRun(world);
  const next = await anOldRun(world, anOrder({ sha: shaOf('2'), pull: 2 }));
  const store: ObjectStore = {
    ...world.store,
    list: (prefix) => world.store.list(prefix),
    delete: (key) =>
      key.startsWith(jobPrefix(stuck)) ? Promise.reject(new Error('disk says no')) : world.store.delete(key),
  };
  const pruned = await pruneRuns({ ...world, store, clock: systemClock }, later, go);
  assert.deepEqual(pruned, { forgotten: 1, objects: 3, failed: 1, why: 'disk says no' });
  assert.notEqual(await world.reader.run(stuck.id), null);
  assert.equal(await world.reader.run(next.id), null);
});

test('R13: what a run stores that opened again meanwhile is not touched', async (context) => {
  const world = await openWorld(context);
  const job = anOrder({ sha: shaOf('1'), pull: 1 });
  await enqueue(world.ledger, job);
  await decide(world.ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'closed', by: 'x' }], {
    change: { isOpen: false, version: 2 },
  });
  await storeObjects(world.store, job, 1);
  await enqueue(world.ledger, anOrder({ repo: 'last' }));
  await tellAll(world.ledger);
  const ledger: Ledger = {
    ...world.ledger,
    async forgettableRuns(...call) {
      const page = await world.ledger.forgettableRuns(...call);
      await decide(world.ledger, job, [{ kind: 'enqueue', job, generation: 1 }], { change: { version: 3 } });
      await storeObjects(world.store, job, 2);
      return page;
    },
  };
  const pruned = await pruneRuns({ ...world, ledger, clock: systemClock }, later, go);
  assert.deepEqual(pruned, { forgotten: 0, objects: 3, failed: 0, why: null });
  assert.equal((await world.reader.run(job.id))?.summary.state, 'waiting');
  assert.deepEqual(
    (await keysOf(world.store)).map((key) => key.slice(jobPrefix(job).length, jobPrefix(job).length + 3)),
    ['/2.', '/2.', '/2.'],
  );
});

test('objects of runs that the ledger does not know go when all of them are old', async (context) => {
  const world = await openWorld(context);
  const known = await anOldRun(world);
  const unknown = anOrder({ repo: 'laptop', occasion: 'request:1' });
  await storeObjects(world.store, unknown, 1);
  await world.store.put('somebody/elses', { bytes: Buffer.of(1) }, { contentType: 'text/plain', visibility: 'public' });
  assert.equal(await pruneOrphans(world, Date.now() - 60_000, go), 0, 'they are young');
  assert.equal(await pruneOrphans(world, Date.now() + 60_000, go), 3);
  const left = await keysOf(world.store);
  assert.deepEqual(await keysOf(world.store, jobPrefix(unknown)), []);
  assert.ok(left.includes('somebody/elses'));
  assert.equal((await keysOf(world.store, jobPrefix(known))).length, 3);
});

test('the loop begins some minutes after the start, goes on each hour, and one failing part stops no other', async (context) => {
  const world = await openWorld(context);
  const clock = createHandClock();
  const said: string[] = [];
  let swept = 0;
  let rounds = 0;
  const log = (message: string): void => void said.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, with: () => logger };
  const stop = new AbortController();
  const done = runRetention(
    {
      ...world,
      ledger: { ...world.ledger, forgettableRuns: () => Promise.reject(new Error('no ledger')) },
      sweepStore: () => Promise.resolve((swept += 1)),
      tidyLogs: async () => 0,
      fillMirrors: async () => 0,
      giveBackSpace: async () => {
        rounds += 1;
        return false;
      },
      clock,
      logger,
      keepRunsMs: 1,
    },
    stop.signal,
  );
  clock.pass(4 * 60_000);
  assert.equal(rounds, 0);
  await passUntil(clock, 60_000, () => rounds === 1);
  await passUntil(clock, 3_600_000, () => rounds === 2);
  assert.equal(swept, 2);
  assert.equal(said.filter((line) => line.startsWith('forgetting old runs failed')).length, 2);
  stop.abort();
  await done;
});

test('deliveries are known for longer than a forge shows them, however short runs are kept', async (context) => {
  const world = await openWorld(context);
  const clock = createHandClock();
  const event = { kind: 'change', forge: 'git', repo: 'demo', changeKey: 'x', sha: null } as const;
  const ids = ['old', 'three days', 'newest'];
  for (const [at, id] of ids.entries()) {
    await world.ledger.recordDelivery({ id, event, receivedAt: 1, traceId: 't' });
    await world.ledger.endDelivery(id, { kind: 'handled' }, clock.now() - ([5, 3, 0][at] ?? 0) * 24 * 3_600_000);
  }
  const rest = {
    sweepStore: async () => 0,
    tidyLogs: async () => 0,
    fillMirrors: async () => 0,
    giveBackSpace: async () => false,
    clock,
    logger: silentLogger,
    keepRunsMs: 1,
  };
  await forgetOnce({ ...world, ...rest }, { withOrphans: false }, go);
  assert.deepEqual([...(await world.ledger.knownDeliveries(ids))], ['three days', 'newest']);
});

test('a round after somebody set the clock forgets nothing', async (context) => {
  const world = await openWorld(context);
  const hand = createHandClock();
  let ahead = 0;
  const clock: Clock = {
    now: () => hand.now() + ahead,
    monotonic: () => hand.monotonic(),
    after: (ms, fire) => hand.after(ms, fire),
  };
  let rounds = 0;
  const said: string[] = [];
  const log = (message: string): void => void said.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, with: () => logger };
  const stop = new AbortController();
  const giveBackSpace = (): Promise<boolean> => Promise.resolve((rounds += 1) < 0);
  const sweepStore = (): Promise<number> => Promise.resolve(0);
  const [tidyLogs, fillMirrors] = [sweepStore, sweepStore];
  const done = runRetention(
    { ...world, sweepStore, tidyLogs, fillMirrors, giveBackSpace, clock, logger, keepRunsMs: 1 },
    stop.signal,
  );
  ahead = 100 * 86_400_000;
  hand.pass(5 * 60_000);
  await until(() => said.some((line) => line.startsWith('the clock was set')));
  assert.equal(rounds, 0);
  await passUntil(hand, 3_600_000, () => rounds === 1);
  stop.abort();
  await done;
});

async function passUntil(clock: HandClock, ms: number, isDone: () => boolean): Promise<void> {
  await until(() => clock.waiting > 0);
  clock.pass(ms);
  await until(isDone);
}

test('R12: whatever happened before, forgetting never makes a scan start anything', async () => {
  const step = fc.record({
    place: fc.integer({ min: 0, max: 2 }),
    sha: fc.integer({ min: 0, max: 3 }),
    what: fc.constantFrom('push' as const, 'push' as const, 'close' as const, 'pass' as const, 'tell' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 0, max: 30 }), async (steps, horizon) => {
      const database = openDatabase({ path: ':memory:' });
      try {
        const ledger = openSqliteLedger(database);
        const heads = new Map<number, Job>();
        for (const [at, { place, sha, what }] of steps.entries()) {
          const now = at + 1;
          if (what === 'tell') await tellAll(ledger);
          else if (what === 'pass') await passAll(ledger, now);
          else {
            const job = anOrder({ pull: place + 1, sha: shaOf(String(sha)) });
            const head = what === 'push' ? job : (heads.get(place) ?? job);
            await look(ledger, head, { isOpen: what === 'push', version: now });
            heads.set(place, head);
          }
        }
        const places = [...heads.values()];
        const before = await Promise.all(places.map((job) => wanted(ledger, job)));
        const store = { list: () => Readable.from([]) } as unknown as ObjectStore;
        await pruneRuns({ ledger, store, clock: systemClock }, horizon, go);
        while ((await ledger.forgetTraces(horizon, 5)) > 0);
        const after = await Promise.all(places.map((job) => wanted(ledger, job)));
        assert.deepEqual(after, before);
      } finally {
        await database.close();
      }
    }),
    { numRuns: 150 },
  );
});

/** What a scan does at a place with this head. */
async function look(
  ledger: Ledger,
  job: Job,
  change: { readonly isOpen: boolean; readonly version: number },
): Promise<void> {
  const snapshot = await snapshotOf(ledger, job, change);
  await ledger.applyDecision({
    change: snapshot.change,
    actions: decideChange(snapshot),
    deliveryIds: [],
    now: change.version,
    traceId: 'trace',
  });
}

/** The jobs that a scan of this place would start if it showed what the ledger last saw there. */
async function wanted(ledger: Ledger, job: Job): Promise<readonly string[]> {
  const last = await ledger.lastChange(changeKey(job.subject));
  if (last?.isOpen !== true) return [];
  const snapshot = await snapshotOf(ledger, anOrder({ pull: last.pull, sha: last.headSha }), last);
  return decideChange(snapshot).flatMap((action) => (action.kind === 'enqueue' ? [action.job.id] : []));
}

async function snapshotOf(
  ledger: Ledger,
  job: Job,
  given: { readonly isOpen: boolean; readonly version: number },
): Promise<Snapshot> {
  const change = aChange(job, { isOpen: given.isOpen, version: given.version });
  const { id: _id, subject: _subject, occasion: _occasion, isTrusted: _isTrusted, ...order } = job;
  return {
    change,
    remembersStatuses: false,
    statuses: [],
    requests: [],
    approvedShas: [],
    plan: { kind: 'checks', checks: [{ ...order, isManual: false }] },
    jobs: await ledger.jobsOfChange(change.key, change.headSha),
  };
}

async function passAll(ledger: Ledger, now: number): Promise<void> {
  for (const { job, generation } of (await ledger.feedView(now, 99)).candidates) {
    const holding = FakeWorker.holding(await offer(ledger, job, generation, now), 'a');
    await ledger.finished(worker.finished(holding), true, now);
  }
}
