/**
 * How soon people see a push of 57 contexts: from its decision, durable in the ledger, to the answer of GitHub. The ledger, the
 * outbox and the adapter with its governor are the real ones, by the real clock; GitHub is our fake one, with github.com's limits
 * and 50 ms of latency for each request. What lies before the decision is the webhook's part.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { openDatabase } from '../src/base/sqlite.ts';
import type { Action } from '../src/core/action.ts';
import { jobIdOf, type Job } from '../src/core/job.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../src/ledger/sqlite/reader.ts';
import { createAskWaiting } from '../src/report/ask-waiting.ts';
import { createOutbox } from '../src/report/outbox.ts';
import { openGitHubWorld } from '../test/support/github-world.ts';
import { aChange, anOrder } from '../test/support/ledger-world.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { benchPart, eventually, percentile, type BenchContext, type Row } from './measure.ts';

const latencyMs = 50;

interface House {
  /** A push of so many contexts, which supersedes these jobs; resolves when the ledger has it. */
  push(contexts: number, superseded?: readonly Job[]): Promise<Push>;
}

interface Push {
  readonly jobs: readonly Job[];
  /** How long after the push (ms) GitHub had answered to so many statuses of it. */
  shown(count: number): Promise<number>;
}

async function openHouse(context: BenchContext): Promise<House> {
  const world = await openGitHubWorld(context);
  const database = openDatabase({ path: join(await tempDir(context), 'ledger.sqlite') });
  const ledger = openSqliteLedger(database);
  world.hub.faults.latencyMs = latencyMs;
  const outbox = createOutbox({
    ledger,
    forges: new Map([[world.forge.name, world.forge]]),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    publicUrl: () => 'https://ci.example.org',
    askWaiting: createAskWaiting(openSqliteLedgerReader(database), systemClock),
  });
  const abort = new AbortController();
  const running = outbox.run(abort.signal);
  context.after(async () => {
    abort.abort();
    await running;
    await database.close();
  });
  let pushes = 0;
  const orderOf = (sha: string, index: number): Job => {
    const plain = anOrder({ sha, context: `fedora-${String(index % 10)}/scenario-${String(index)}` });
    const subject = { ...plain.subject, forge: world.forge.name, repo: world.repo };
    return { ...plain, subject, id: jobIdOf({ ...plain, subject }) };
  };
  return {
    async push(contexts, superseded = []) {
      pushes += 1;
      const sha = await world.commit({ branch: 'main', files: { n: String(pushes) } });
      const jobs = Array.from({ length: contexts }, (_, index) => orderOf(sha, index));
      const [first] = jobs;
      if (first === undefined) throw new Error('a push of nothing');
      const actions: Action[] = [
        ...superseded.map(({ id }) => ({ kind: 'cancel', jobId: id, reason: 'superseded', by: sha }) as const),
        ...jobs.map((job) => ({ kind: 'enqueue', job, generation: 1 }) as const),
      ];
      const began = performance.now();
      await ledger.applyDecision({
        change: aChange(first, { version: pushes }),
        actions,
        deliveryIds: [],
        now: Date.now(),
        traceId: 'bench',
      });
      outbox.wake();
      return {
        jobs,
        shown: (count) =>
          eventually(2, async () => {
            const posted = database.read((sql) =>
              sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM reports WHERE sha = ? AND posts > 0', sha),
            );
            return (posted?.n ?? 0) >= count ? performance.now() - began : null;
          }),
      };
    },
  };
}

await benchPart(async (context): Promise<readonly Row[]> => {
  const contexts = context.isSmoke ? 3 : 57;
  const rounds = context.isSmoke ? 1 : 12;
  const rested: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const house = await openHouse(context);
    rested.push(await (await house.push(contexts)).shown(1));
  }
  const house = await openHouse(context);
  const large = await house.push(contexts);
  const busy: number[] = [];
  for (let round = 0; round < (context.isSmoke ? 1 : 4); round += 1) {
    await pause(context.isSmoke ? 100 : 3_000);
    busy.push(await (await house.push(1)).shown(1));
  }
  const last = await large.shown(contexts);
  const superseding = await openHouse(context);
  const old = await superseding.push(contexts);
  await pause(context.isSmoke ? 100 : 5_000);
  const replaced = await (await superseding.push(contexts, old.jobs)).shown(1);
  const row = (what: string, took: number, atMostMs: number, how: string): Row => ({
    what,
    target: `≤ ${String(atMostMs / 1000)} s`,
    measured: `${(took / 1000).toFixed(2)} s`,
    baseline: how,
    isReached: context.isSmoke ? null : took <= atMostMs,
  });
  return [
    row(
      `first status after a push of ${String(contexts)} contexts`,
      percentile(rested, 0.95),
      2_000,
      `p95 of ${String(rounds)}, the forge was at rest`,
    ),
    row('first status of a small push meanwhile', Math.max(...busy), 2_000, `worst of ${String(busy.length)}`),
    row('first status after a push that supersedes all of it', replaced, 2_000, 'one push'),
    row(`the last of ${String(contexts)}, with the small ones between`, last, 65_000, 'GitHub: one write a second'),
  ];
});
