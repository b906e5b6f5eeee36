import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aChange, anOrder, decide, FakeWorker, shaOf } from '../../test/support/ledger-world.ts';
import { hourMs, never, openOutboxWorld, refusal, type OutboxWorld } from '../../test/support/outbox-world.ts';
import { jobQueue } from '../core/queue-plan.ts';
import type { Job } from '../core/job.ts';
import type { Outcome } from '../core/outcome.ts';
import { verdictStateOf } from '../decide/verdict-state.ts';
import { isNoVerdict } from '../core/outcome.ts';

const worker = new FakeWorker('w1');

const which = fc.nat({ max: 1 });

function ofJob<K extends string>(kind: K) {
  return fc.record({ kind: fc.constant(kind), job: which });
}

/** What happens to one of two jobs, to the forge, or to time. */
const event = fc.oneof(
  { weight: 8, arbitrary: ofJob('advance') },
  { weight: 2, arbitrary: ofJob('ask') },
  { weight: 1, arbitrary: ofJob('lose') },
  { weight: 1, arbitrary: ofJob('supersede') },
  { weight: 1, arbitrary: ofJob('restate') },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('finish'),
      job: which,
      outcome: fc.constantFrom<Outcome>({ kind: 'passed' }, { kind: 'failed', exitCode: 1, reason: 'exit' }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trouble'),
      fail: fc.integer({ min: 1, max: 5 }),
      error: fc.constantFrom(
        refusal('forge/away', 'later'),
        refusal('forge/rate-limited', 'later', 30_000),
        refusal('forge/unauthorized', 'never'),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('budget'), left: fc.constantFrom(10, 50, 500, 500) }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('flush'), passMs: fc.constantFrom(0, 1_000, 60_000, 20 * 60_000) }),
  },
);

// A push, and a request for the same context: two occasions fight for one status.
const jobs: readonly Job[] = ['change', 'request:1'].map((occasion) => anOrder({ occasion }));

type Happening = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** Applies one event; what makes no sense at this moment changes nothing. */
async function happen({ ledger, clock, forge, outbox }: OutboxWorld, what: Happening, step: number): Promise<void> {
  if (what.kind === 'trouble') {
    [forge.fail, forge.error] = [what.fail, what.error];
    return;
  }
  if (what.kind === 'budget') {
    forge.left = what.left;
    return;
  }
  if (what.kind === 'flush') {
    clock.pass(what.passMs);
    await outbox.flush(never);
    return;
  }
  const job = jobs[what.job];
  assert.ok(job);
  const change = { change: { version: step } };
  const live = (await ledger.liveAttempts()).find(({ jobId }) => jobId === job.id);
  const holding = (n: number, generation: number, nonce: string) => ({
    envelope: {
      v: 1,
      job,
      generation,
      n,
      cloneUrl: '/',
      baseSha: null,
      avoid: [],
      traceId: 't',
      signature: '0'.repeat(64),
    } as const,
    nonce,
  });
  switch (what.kind) {
    case 'ask':
      await decide(ledger, job, [{ kind: 'enqueue', job, generation: 1 }], change);
      return;
    // One step on: offered, claimed, running.
    case 'advance': {
      const offered = (await ledger.offered()).find(({ jobId }) => jobId === job.id);
      if (live !== undefined)
        await ledger.beat(worker.beat(holding(live.n, live.generation, live.nonce), 'running'), true, clock.now());
      else if (offered !== undefined) {
        const nonce = step.toString(16).padStart(16, '0');
        await ledger.claimed(worker.claimed(holding(offered.n, offered.generation, nonce)), true, clock.now());
      } else {
        const jobsThere = await ledger.jobsOfChange(aChange(job).key, job.subject.sha);
        const generation = jobsThere.find(({ id }) => id === job.id)?.generation ?? 1;
        await ledger.createAttempt({
          jobId: job.id,
          generation,
          queue: jobQueue(job),
          baseSha: null,
          now: clock.now(),
        });
      }
      return;
    }
    case 'lose':
      if (live !== undefined) await ledger.lose([live], clock.now());
      return;
    case 'supersede':
      await decide(ledger, job, [{ kind: 'cancel', jobId: job.id, reason: 'superseded', by: shaOf('c') }], change);
      return;
    case 'restate':
      await decide(ledger, job, [{ kind: 'restate', jobId: job.id }], change);
      return;
    case 'finish':
      if (live !== undefined) {
        const mine = holding(live.n, live.generation, live.nonce);
        await ledger.finished(worker.finished(mine, what.outcome), true, clock.now());
      }
      return;
    default:
      what satisfies never;
  }
}

test('whatever happens in whatever order, in the end the forge shows what the ledger says, with three posts for an occasion', async () => {
  const seen = { finals: 0, statuses: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 60, maxLength: 120 }), async (events) => {
      const after: (() => Promise<void>)[] = [];
      const world = openOutboxWorld({ after: (fn) => after.push(fn) });
      try {
        const { ledger, database, forge, flushFor } = world;
        // How many posts of one occasion the forge got: giving the word, also to the same job again, begins a new one.
        const counts = new Map<string, { word: number; posts: number }>();
        let posted = 0;
        for (const [step, what] of events.entries()) {
          const words = database.read((sql) =>
            sql.all<{ context: string; word: number }>('SELECT context, word_version AS word FROM reports'),
          );
          await happen(world, what, step);
          for (const { context } of forge.posted.slice(posted)) {
            const word = words.find((row) => row.context === context)?.word ?? 0;
            const before = counts.get(context);
            const posts = before?.word === word ? before.posts + 1 : 1;
            assert.ok(posts <= 3, `${context} was posted ${String(posts)} times`);
            counts.set(context, { word, posts });
          }
          posted = forge.posted.length;
        }
        [forge.fail, forge.left] = [0, 500];
        await flushFor(hourMs);
        assert.equal((await world.reader.counts()).reportsDue, 0);
        const rows = database.read((sql) =>
          sql.all<{ sha: string; context: string; outcome: string | null; id: string }>(
            'SELECT r.sha, r.context, j.outcome, j.id FROM reports r JOIN jobs j ON j.id = r.job_id',
          ),
        );
        for (const row of rows) {
          const outcome = row.outcome === null ? null : (JSON.parse(row.outcome) as Outcome);
          const shown = forge.posted.findLast(({ sha, context }) => sha === row.sha && context === row.context);
          if (shown === undefined && isNoVerdict(outcome)) continue;
          assert.equal(shown?.state, verdictStateOf(outcome), `${row.context} at ${row.sha.slice(0, 4)}`);
          assert.ok(shown.targetUrl?.includes(row.id), 'it speaks of the job that has the word');
          seen.statuses += 1;
          if (shown.state !== 'pending') seen.finals += 1;
        }
        await ledger.close();
      } finally {
        for (const end of after) await end();
      }
    }),
    { numRuns: 100 },
  );
  assert.ok(seen.statuses > 60 && seen.finals > 20, `too little happened: ${JSON.stringify(seen)}`);
});
