import type { AddressInfo } from 'node:net';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { silentLogger, type Logger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openDatabase } from '../../src/base/sqlite.ts';
import { serve } from '../../src/cli/serve.ts';
import { createWebhooks, webhookPath } from '../../src/cli/webhooks.ts';
import type { Job } from '../../src/core/job.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { jobQueue } from '../../src/core/queue-plan.ts';
import type { CheckPolicy, CheckSettings, ProjectPolicy } from '../../src/decide/plan-checks.ts';
import type { SchedulePolicy } from '../../src/decide/schedule-policy.ts';
import { createGitHubWebhookReader } from '../../src/forge/github/webhook/webhook-read.ts';
import { createPolicyPlan } from '../../src/intake/plan-from-policy.ts';
import { openSqliteLedgerReader } from '../../src/ledger/sqlite/reader.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/open-ledger.ts';
import type { LedgerReader } from '../../src/ledger/ledger-reader.ts';
import { createMetrics } from '../../src/metrics/catalog.ts';
import { openEmbeddedQueue } from '../../src/queue/embedded/embedded-queue.ts';
import { createAskWaiting } from '../../src/report/ask-waiting.ts';
import { createWorkerLoop } from '../../src/worker/worker-loop.ts';
import type { FakeGitHubOptions } from '../../src/forge/github/fake/fake-github.ts';
import { openGitHubWorld, type GitHubWorld } from './github-world.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';
import { memorySpool, modelRunner } from './model-runner.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/**
 * A house whose time a test moves: an hour passes in seconds. Ledger, queue, server, webhooks, sweeper, worker loop, and the
 * GitHub adapter with its governor are the real ones, over HTTP to the fake GitHub, which has the same clock. Only what runs
 * the jobs is a model.
 */
export interface SteppedHouse {
  readonly world: GitHubWorld;
  readonly clock: HandClock;
  readonly reader: LedgerReader;
  /** Every job that was run, in the order of beginning. */
  readonly ran: readonly Job[];
  /** Lets this much time pass, in steps; between them whatever was begun goes on for a moment. */
  pass(ms: number, stepMs?: number): Promise<void>;
  /** Lets time pass until it is so. @throws Error with `what`, after `withinMs` of the house's time */
  passUntil(isSo: () => boolean | Promise<boolean>, what: string, withinMs?: number): Promise<void>;
  /** Our statuses of a commit, oldest first. */
  history(sha: string): readonly { readonly context: string; readonly state: string }[];
}

export interface SteppedHouseOptions {
  readonly contexts: readonly string[];
  readonly schedules?: readonly SchedulePolicy[];
  readonly slots?: number;
  /** How long a job runs (ms) and how it ends. */
  readonly runs?: (job: Job) => { readonly ms: number; readonly outcome: Outcome };
  readonly fake?: FakeGitHubOptions;
  readonly logger?: Logger;
}

const secret = 'shared with GitHub';
const fallback: CheckSettings = {
  command: ['true'],
  container: null,
  env: {},
  secrets: [],
  needs: [],
  pool: 'default',
  priority: 5,
  timeoutMs: 7_200_000,
  network: 'default',
  limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
  integration: 'merge',
  isExclusive: false,
  isManual: false,
};

export async function openSteppedHouse(context: CleansUp, options: SteppedHouseOptions): Promise<SteppedHouse> {
  const clock = createHandClock(Date.parse('2026-11-22T01:30:00Z'));
  const world = await openGitHubWorld(context, { fake: { clock, ...options.fake }, repo: { branches: ['main'] } });
  const { hub, forge, repo } = world;
  const logger = options.logger ?? silentLogger;
  const directory = await tempDir(context);
  const database = openDatabase({ path: join(directory, 'ledger.sqlite') });
  const queue = await openEmbeddedQueue({
    ...{ database, directory, clock, random: systemRandom, logger },
    // All is in this process and woken at once; a poll a second would be most of what a long time costs.
    pollMs: 30_000,
  });
  const ledger = openSqliteLedger(database);
  const reader = openSqliteLedgerReader(database);
  const forges = new Map([[forge.name, forge]]);
  const checks: readonly CheckPolicy[] = options.contexts.map((name) => ({
    ...fallback,
    context: name,
    branches: ['**'],
  }));
  const schedules = options.schedules ?? [];
  const policy: ProjectPolicy = { repo, branches: ['main'], checks, fallback, schedules };
  const port = await listening(context);
  const publicUrl = `http://127.0.0.1:${String(port.number)}`;
  const life = new AbortController();
  const server = serve(
    {
      ledger,
      queue,
      forges,
      plan: createPolicyPlan({ policyOf: () => policy, forges, entryPoints: [] }),
      runRecords: async () => [],
      clock,
      random: systemRandom,
      logger,
      signingKey: 'key',
      verifyKeys: ['key'],
      knownQueues: [jobQueue(fallback)],
      publicUrl: () => publicUrl,
      askWaiting: createAskWaiting(reader, clock),
      scanPeriodMs: 10 * 60_000,
      schedules: () => schedules.map((schedule) => ({ forge: forge.name, repo, schedule })),
      onChanged: () => undefined,
      onReady: () => undefined,
    },
    life.signal,
  );
  const { handlers, sweeper } = createWebhooks({
    readers: [
      createGitHubWebhookReader({
        forge: forge.name,
        secrets: () => [secret],
        repos: () => forge.repos(),
        ownLogin: () => world.me,
        publicUrl: () => publicUrl,
      }),
    ],
    forges,
    ledger,
    clock,
    random: systemRandom,
    logger,
    metrics: createMetrics('test'),
    onNew: () => {
      server.intake.wake();
    },
  });
  port.answer((request, response) => {
    const handle = handlers.get(request.url ?? '');
    if (handle === undefined) response.writeHead(404).end();
    else handle(request, response);
  });
  hub.people.createHook(repo, { url: publicUrl + webhookPath(forge.name), secret, pings: false });
  const ran: Job[] = [];
  const runs = options.runs ?? (() => ({ ms: 1_000, outcome: { kind: 'passed' } as const }));
  const slots = options.slots ?? 8;
  const loop = createWorkerLoop({
    name: 'model',
    session: 1,
    offer: { pool: 'default', capabilities: [], slots, hostname: 'model', version: 'test' },
    queue,
    runner: modelRunner(clock, (job) => {
      ran.push(job);
      return runs(job);
    }),
    spool: memorySpool(),
    clock,
    random: systemRandom,
    logger,
  });
  const done = Promise.all([server.done, sweeper.run(life.signal), loop.run(life.signal)]);
  context.after(async () => {
    life.abort();
    await done;
    await queue.close();
    await database.close();
  });
  const settle = settling(context);
  const house: SteppedHouse = {
    world,
    clock,
    reader,
    ran,
    async pass(ms, stepMs = 250) {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.pass(Math.min(left, stepMs));
        await settle();
      }
    },
    async passUntil(isSo, what, withinMs = 300_000) {
      for (const end = clock.now() + withinMs; !(await isSo());) {
        if (clock.now() > end) throw new Error(`in ${String(withinMs)} ms of the house's time there was not: ${what}`);
        await house.pass(250);
      }
    },
    history: (sha) =>
      hub.people
        .statuses(repo, sha)
        .filter(({ creator }) => creator === world.me)
        .map(({ context: name, state }) => ({ context: name, state })),
  };
  return house;
}

/** A web server that listens before it knows what to answer. */
async function listening(
  context: CleansUp,
): Promise<{ readonly number: number; readonly answer: (with_: http.RequestListener) => void }> {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { number: (server.address() as AddressInfo).port, answer: (with_) => void server.on('request', with_) };
}

/** Turns of the loop that bring nothing new before all is still: an answer is parsed, stored, and leads to the next question. */
const stillTurns = 12;

/**
 * Waits until no request is under way in this process and everything that answers led to was done: time may pass only then, else
 * messages would seem to be under way for minutes.
 */
function settling(context: CleansUp): () => Promise<void> {
  const open = new Set<unknown>();
  const of = (message: unknown): unknown => (message as { readonly request: unknown }).request;
  const began = (message: unknown): void => void open.add(of(message));
  const ended = (message: unknown): void => void open.delete(of(message));
  // https://undici.nodejs.org/#/docs/api/DiagnosticsChannel
  const listeners = [
    ['undici:request:create', began],
    ['undici:request:trailers', ended],
    ['undici:request:error', ended],
  ] as const;
  for (const [name, listener] of listeners) subscribe(name, listener);
  context.after(() => {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
  });
  return async () => {
    for (let still = 0; still < stillTurns; still += 1) {
      await turn();
      if (open.size === 0) continue;
      still = 0;
      await pause(1);
    }
  };
}
