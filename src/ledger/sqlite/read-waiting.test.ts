import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anOrder, decide, enqueue, FakeWorker, offer } from '../../../test/support/ledger-world.ts';
import { openDatabase } from '../../base/sqlite.ts';
import type { Job } from '../../core/job.ts';
import { agePerPriorityMs, feedOrder } from '../../decide/feed-order.ts';
import type { LedgerReader } from '../ledger-reader.ts';
import { openSqliteLedger } from './open-ledger.ts';
import { openSqliteLedgerReader } from './reader.ts';

const wish = fc.record({
  repo: fc.constantFrom('a', 'b', 'c'),
  needs: fc.constantFrom([], ['kvm']),
  priority: fc.integer({ min: 0, max: 3 }),
  // Steps of a priority, so that jobs of different priorities are often equally urgent.
  queuedAt: fc.integer({ min: 0, max: 4 }).map((hours) => hours * agePerPriorityMs),
  fate: fc.constantFrom('waits', 'waits', 'waits', 'backs off', 'offered', 'runs'),
});

test('the waiting list is the feeding order, over any number of pages, and a position is a place in it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { maxLength: 30 }), fc.integer({ min: 1, max: 7 }), async (wishes, limit) => {
      const database = openDatabase({ path: ':memory:' });
      try {
        const ledger = openSqliteLedger(database);
        const reader = openSqliteLedgerReader(database);
        const jobs = wishes.map(({ repo, needs, priority }, at) =>
          anOrder({ repo, needs, priority, context: `c${at}` }),
        );
        for (const [at, job] of jobs.entries()) {
          const { queuedAt, fate } = wishes[at] ?? assert.fail();
          await enqueue(ledger, job, { now: queuedAt });
          if (fate === 'waits') continue;
          const holding = FakeWorker.holding(await offer(ledger, job, 1, at), 'b');
          const worker = new FakeWorker('w');
          if (fate === 'runs') await ledger.claimed(worker.claimed(holding), true, at);
          const broken = { kind: 'broken', cause: 'checkout', phase: 'checkout' } as const;
          if (fate === 'backs off') await ledger.finished(worker.finished(holding, broken), true, at);
        }
        const states = new Map(wishes.map(({ fate }, at) => [jobs[at]?.id, fate]));
        const stateOf = (job: Job) => states.get(job.id);
        const underway = new Map<string, number>();
        for (const job of jobs) {
          if (stateOf(job) !== 'offered' && stateOf(job) !== 'runs') continue;
          const project = `git|${job.subject.repo}`;
          underway.set(project, (underway.get(project) ?? 0) + 1);
        }
        const waiting = jobs
          .map((job, at) => ({
            job,
            project: `git|${job.subject.repo}`,
            priority: job.priority,
            queuedAt: wishes[at]?.queuedAt ?? 0,
          }))
          .filter(({ job }) => stateOf(job) === 'waits' || stateOf(job) === 'backs off')
          .sort((a, b) => (a.project < b.project ? -1 : a.project > b.project ? 1 : 0));
        const expected = feedOrder(waiting, underway, 5 * agePerPriorityMs).map(({ job }) => job.context);
        const offered = jobs.filter((job) => stateOf(job) === 'offered').map((job) => job.context);
        assert.deepEqual(await contexts(reader, { limit }), [...offered, ...expected]);
        assert.deepEqual(
          await contexts(reader, { limit, repo: 'b' }),
          [...offered, ...expected].filter((context) => jobs[Number(context.slice(1))]?.subject.repo === 'b'),
        );
        const positions = await Promise.all(
          expected.map((context) => reader.position(jobs[Number(context.slice(1))]?.id ?? '')),
        );
        assert.deepEqual(positions, [...expected.keys()]);
        for (const job of jobs) {
          if (stateOf(job) === 'offered' || stateOf(job) === 'runs') assert.equal(await reader.position(job.id), null);
        }
      } finally {
        await database.close();
      }
    }),
    { numRuns: 60 },
  );
});

test('feeding between two pages neither hides a run nor shows one twice', async () => {
  const database = openDatabase({ path: ':memory:' });
  try {
    const ledger = openSqliteLedger(database);
    const reader = openSqliteLedgerReader(database);
    const jobs = ['a', 'a', 'b', 'b'].map((repo, at) => anOrder({ repo, context: `c${at}` }));
    for (const [at, job] of jobs.entries()) await enqueue(ledger, job, { now: at });
    const first = await reader.listRuns({ state: 'waiting', limit: 2 });
    assert.deepEqual(
      first.runs.map((run) => run.context),
      ['c0', 'c2'],
    );
    await offer(ledger, jobs[0] ?? assert.fail());
    const second = await reader.listRuns({ state: 'waiting', limit: 2, before: first.next ?? assert.fail() });
    assert.deepEqual(
      second.runs.map((run) => run.context),
      ['c3', 'c1'],
    );
    assert.equal(second.next, null);
    assert.equal(await reader.position('0'.repeat(32)), null);
    await decide(ledger, jobs[1] ?? assert.fail(), [
      { kind: 'cancel', jobId: jobs[1]?.id ?? assert.fail(), reason: 'person', by: 'ada' },
    ]);
    assert.equal(await reader.position(jobs[1]?.id ?? ''), null);
  } finally {
    await database.close();
  }
});

async function contexts(reader: LedgerReader, filter: { limit: number; repo?: string }): Promise<string[]> {
  const found: string[] = [];
  let before: string | null = null;
  do {
    const page: Awaited<ReturnType<LedgerReader['listRuns']>> = await reader.listRuns({
      state: 'waiting',
      ...filter,
      ...(before === null ? {} : { before }),
    });
    found.push(...page.runs.map((run) => run.context));
    before = page.next;
  } while (before !== null);
  return found;
}
