import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { StatusSeen } from '../core/change.ts';
import type { Finished } from '../core/worker-message.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { check, seen } from '../../test/support/decide-world.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { spokenForge, viewOf } from '../../test/support/intake-world.ts';
import { aChange, anOrder, enqueue, envelopeFor, FakeWorker, shaOf } from '../../test/support/ledger-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';
import { recoverFromStore, type RecoverDeps } from './recover.ts';

const job = anOrder();
const change = aChange(job);
const worker = new FakeWorker('w1');
const record = (of = job, digit = '1'): Finished => worker.finished(FakeWorker.holding(envelopeFor(of, 1, 1), digit));

function world(t: CleansUp, given: Partial<RecoverDeps> = {}) {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const forge = spokenForge({ remembersStatuses: true });
  forge.shows.set(change.key, viewOf(change));
  const clock = createHandClock();
  const deps: RecoverDeps = {
    ledger,
    forges: new Map([['git', forge]]),
    plan: async () => ({ kind: 'checks', checks: [check(job)] }),
    runRecords: async () => [record()],
    vouched: () => true,
    clock,
    logger: silentLogger,
    ...given,
  };
  const jobs = () => ledger.jobsOfChange(change.key, change.headSha);
  return { deps, forge, clock, jobs, run: () => recoverFromStore(deps, new AbortController().signal) };
}

test('a verdict that reached the store, not the forge, is taken instead of a second run', async (t) => {
  const { run, jobs } = world(t);
  await run();
  const [found] = await jobs();
  assert.equal(found?.id, job.id);
  assert.deepEqual(found.outcome, { kind: 'passed' });
  // Twice is harmless.
  await run();
  assert.equal((await jobs()).length, 1);
});

test('a verdict of what a label holds back just now is taken, too: it would be run again when the label goes', async (t) => {
  const { run, jobs } = world(t, {
    plan: async () => ({ kind: 'checks', checks: [{ ...check(job), isManual: true, isHeld: true }] }),
  });
  await run();
  assert.deepEqual(
    (await jobs()).map(({ outcome }) => outcome),
    [{ kind: 'passed' }],
  );
});

test('a record that nobody vouches for, or of another job, changes nothing', async (t) => {
  const forged = world(t, { vouched: () => false });
  await forged.run();
  assert.deepEqual(await forged.jobs(), []);
  const other = world(t, { runRecords: async () => [record(anOrder({ sha: shaOf('c') }))] });
  await other.run();
  assert.deepEqual(await other.jobs(), []);
});

test('for a forge that keeps no statuses nothing is read: all its heads are tested anew', async (t) => {
  const { deps } = world(t, {
    runRecords: () => {
      throw new Error('nobody should ask');
    },
  });
  const forge = spokenForge();
  await recoverFromStore({ ...deps, forges: new Map([['git', forge]]) }, new AbortController().signal);
  assert.deepEqual(forge.looks, []);
});

test('a forge that is away is waited for', async (t) => {
  const { run, forge, clock, jobs } = world(t);
  let tries = 0;
  forge.shows.set(change.key, () => {
    tries += 1;
    if (tries === 1) throw new GroundcrewError('forge/away', 'nobody answers', { retry: 'later' });
    return viewOf(change);
  });
  const running = run();
  while (tries < 2) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.pass(1_000);
  }
  await running;
  assert.equal((await jobs()).length, 1);
});

test('a job that waits again because of a holding that was stopped is asked for in the store, whatever the forge shows', async (t) => {
  const { deps, forge, run, jobs } = world(t);
  const stopped = { kind: 'canceled', reason: 'withdrawn', by: 'w1' } as const;
  const stray = record(job, '2');
  await deps.ledger.claimed(worker.claimed(FakeWorker.holding(stray.envelope, '2')), true, 1);
  await deps.ledger.finished({ ...stray, outcome: stopped }, true, 1);
  assert.equal((await jobs())[0]?.isEnded, false);
  forge.shows.set(change.key, { ...viewOf(change), statuses: [seen(job, { kind: 'passed' })] });
  await run();
  assert.deepEqual((await jobs())[0]?.outcome, { kind: 'passed' });
});

test('what was asked beside the push keeps the word that the forge shows, whatever comes back of the push', async (t) => {
  const { deps, forge, run, jobs } = world(t);
  const slot = anOrder({ occasion: 'schedule:nightly@2023-11-14T22:15:00.000Z' });
  const shows = (...statuses: readonly StatusSeen[]): void => {
    forge.shows.set(change.key, { ...viewOf(change), statuses });
  };
  const words = async () => (await jobs()).map(({ occasion, hasWord }) => [occasion, hasWord]);
  const due = async () => (await deps.ledger.dueReports(100_000, 9)).map(({ about }) => about);

  // A worker told of the push's run before the forge was asked.
  await deps.ledger.claimed(worker.claimed(FakeWorker.holding(envelopeFor(job, 1, 1), '1')), true, 1);
  assert.equal((await due()).length, 1);
  shows(seen(slot, { kind: 'passed' }), seen(job, null));
  await run();
  await run();
  assert.deepEqual(await words(), [['change', false]]);
  await deps.ledger.finished(record(), true, 2);
  assert.deepEqual(await due(), [], 'the forge goes on showing the later verdict');

  // It is heard of after all: then it is told as any other.
  await deps.ledger.finished(record(slot, '2'), true, 3);
  assert.deepEqual(await words(), [
    ['change', false],
    [slot.occasion, true],
  ]);
  assert.equal((await due()).length, 1);
});

test('the push’s result that comes when all was read back does not hide what was asked beside it either', async (t) => {
  const { deps, forge, run, jobs } = world(t, { runRecords: async () => [] });
  const asked = anOrder({ occasion: 'request:1' });
  forge.shows.set(change.key, { ...viewOf(change), statuses: [seen(asked, { kind: 'passed' })] });
  await run();
  await deps.ledger.finished(record(), true, 2);
  assert.deepEqual(
    (await jobs()).map(({ outcome, hasWord }) => [outcome, hasWord]),
    [[{ kind: 'passed' }, false]],
  );
  assert.deepEqual(await deps.ledger.dueReports(100_000, 9), []);
  // What is asked now takes the word.
  await enqueue(deps.ledger, anOrder({ occasion: 'request:2' }));
  assert.equal((await deps.ledger.dueReports(100_000, 9)).length, 1);
});

test('a run beside the push that both forge and workers know has the word again, one that nobody heard of has not', async (t) => {
  const { deps, forge, run, jobs } = world(t, { runRecords: async () => [] });
  const asked = anOrder({ occasion: 'request:1' });
  await deps.ledger.claimed(worker.claimed(FakeWorker.holding(envelopeFor(job, 1, 1), '1')), true, 1);
  forge.shows.set(change.key, { ...viewOf(change), statuses: [seen(asked, null)] });
  await run();
  assert.deepEqual(
    (await jobs()).map(({ hasWord }) => hasWord),
    [true],
  );
  await deps.ledger.claimed(worker.claimed(FakeWorker.holding(envelopeFor(asked, 1, 1), '2')), true, 1);
  await run();
  assert.deepEqual(
    (await jobs()).map(({ hasWord }) => hasWord),
    [false, true],
  );
  const [report, ...others] = await deps.ledger.dueReports(100_000, 9);
  assert.deepEqual([report?.isFinal, others], [false, []]);
});
