import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openGitHttpServer, type GitHttpServer } from '../../test/support/git-http-server.ts';
import { makeRepo } from '../../test/support/git-repo.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { memorySpool } from '../../test/support/model-runner.ts';
import { needs } from '../../test/support/needs.ts';
import { runnerDepsIn } from '../../test/support/runner-deps.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { Grant } from '../core/grant.ts';
import { jobIdOf } from '../core/job.ts';
import { attemptOf, signEnvelope, type JobEnvelope } from '../core/job-envelope.ts';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import { collectorOptions, collectorQueue, jobQueue, jobQueueOptions } from '../core/queue-plan.ts';
import type { ControlMessage, WorkerMessage } from '../core/worker-message.ts';
import { createProcessExecutor } from '../executors/process/process-executor.ts';
import { createChunkStreamer, localPace } from '../logs/chunk-streamer.ts';
import { openEmbeddedQueue } from '../queue/embedded/embedded-queue.ts';
import type { Queue } from '../queue/queue.ts';
import { createLocalRunner } from './local-runner.ts';
import { createWorkerLoop } from './worker-loop.ts';

const password = 'ghs_16C7e42F292c6912E7710c838347Ae178B4a';
const basic = Buffer.from(`x-access-token:${password}`).toString('base64');
const jobs = jobQueue({ pool: 'default', needs: [] });
const show = 'env; cat .git/config; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"; true';

/** A worker, and what a server hears of it and can tell it. */
interface House {
  readonly root: string;
  readonly queue: Queue;
  readonly heard: WorkerMessage[];
  readonly said: string[];
  tell(message: ControlMessage): Promise<void>;
  until<K extends WorkerMessage['kind']>(kind: K): Promise<WorkerMessage & { readonly kind: K }>;
}

async function openHouse(context: TestContext, clock: Clock): Promise<House> {
  const root = await tempDir(context);
  const said: string[] = [];
  const logger = createLogger({
    level: 'debug',
    isTerminal: false,
    hasColour: false,
    write: (line) => said.push(line),
  });
  // The broker's place is not the worker's: a grant travels through it.
  const directory = await tempDir(context);
  const database = openDatabase({ path: join(directory, 'queue.sqlite') });
  const queue = await openEmbeddedQueue({
    database,
    directory: root,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  await queue.declare(collectorQueue, collectorOptions);
  await queue.declare(jobs, jobQueueOptions);
  const heard: WorkerMessage[] = [];
  const tell = (message: ControlMessage): Promise<void> => queue.sendControl('w', { body: JSON.stringify(message) });
  await queue.consume(collectorQueue, async ({ body }) => {
    const message = decodeMessage(workerMessageSchema, body) ?? assert.fail(body);
    heard.push(message);
    if (message.kind === 'hello') await tell({ v: 1, kind: 'serve', queues: [jobs] });
    return 'ack';
  });
  const executor = createProcessExecutor({ runsDir: join(root, 'runs') });
  const runner = createLocalRunner({
    ...(await runnerDepsIn(root, executor)),
    logger,
    executors: { container: null, process: executor },
    askedExecutor: 'process',
    openSink: (sink) =>
      createChunkStreamer({
        ...sink,
        visibility: 'public',
        clock: systemClock,
        random: systemRandom,
        pace: localPace,
      }),
  });
  const life = new AbortController();
  const offer = { pool: 'default', capabilities: [], slots: 1, hostname: 'h', version: '1' };
  const loop = createWorkerLoop({
    ...{ name: 'w', session: 1, offer, queue, runner, spool: memorySpool() },
    ...{ clock, random: systemRandom, logger },
  });
  const running = loop.run(life.signal);
  context.after(async () => {
    life.abort();
    await running;
    await queue.close();
    await database.close();
  });
  return {
    root,
    queue,
    heard,
    said,
    tell,
    until: (kind) =>
      until(
        () => {
          const found = heard.find((message) => message.kind === kind);
          return (found as (WorkerMessage & { readonly kind: typeof kind }) | undefined) ?? null;
        },
        { within: 20_000, what: kind },
      ),
  };
}

function orderFor(sha: string, cloneUrl: string): JobEnvelope {
  const { signature: _nobodys, ...order } = holdingOf().envelope;
  const identity = { ...order.job, subject: { ...order.job.subject, repo: 'private', sha }, secrets: [] };
  const job = { ...identity, id: jobIdOf(identity), command: ['sh', '-c', show] };
  return signEnvelope({ ...order, job, cloneUrl, grants: ['fetch'] }, 'key');
}

/** A house whose worker has claimed a job of a private repository, and waits for what to fetch it with. */
async function openClaimed(context: TestContext): Promise<{
  readonly house: House;
  readonly server: GitHttpServer;
  readonly grant: (given: Pick<Grant, 'fetch' | 'fetchHint'>) => Promise<void>;
}> {
  const house = await openHouse(context, systemClock);
  const repos = await tempDir(context);
  const sha = makeRepo(join(repos, 'private')).commit({ a: '1' });
  const server = await openGitHttpServer(repos, `Basic ${basic}`);
  context.after(() => server[Symbol.asyncDispose]());
  await house.until('hello');
  await house.queue.publish(jobs, { body: JSON.stringify(orderFor(sha, `${server.url}private/.git`)) });
  const { envelope, nonce } = await house.until('claimed');
  const attempt = attemptOf(envelope);
  const grant = (given: Pick<Grant, 'fetch' | 'fetchHint'>): Promise<void> =>
    house.tell({ v: 1, kind: 'grant', attempt, nonce, grant: { validMs: 900_000, store: null, ...given } });
  return { house, server, grant };
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

test(
  'a private repository is fetched with what came for the claim, which stands nowhere else',
  needs('git'),
  async (context) => {
    const { house, server, grant } = await openClaimed(context);
    await until(() => house.heard.filter(({ kind }) => kind === 'claimed').length === 1, { what: 'one claim' });
    assert.equal(server.requests.length, 0, 'nothing is fetched before the grant');
    const processes: string[] = [];
    const look = setInterval(() => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
          processes.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
        } catch {
          // It has ended.
        }
      }
    }, 5);
    context.after(() => {
      clearInterval(look);
    });
    await grant({ fetch: { username: 'x-access-token', password } });
    assert.deepEqual((await house.until('finished')).outcome, { kind: 'passed' });
    clearInterval(look);
    await house.until('sealed');
    assert.ok(
      processes.some((line) => line.includes('fetch')),
      'the fetch was seen in the list of processes',
    );
    const files = filesBelow(house.root).map((file) => readFileSync(file, 'latin1'));
    assert.ok(
      files.some((text) => text.includes('GIT_') || text.includes('PATH=')),
      'what the job printed was looked at',
    );
    const places = { processes, files, ourLog: house.said, messages: house.heard.map((one) => JSON.stringify(one)) };
    for (const [place, texts] of Object.entries(places)) {
      for (const secret of [password, basic]) assert.ok(!texts.some((text) => text.includes(secret)), place);
    }
  },
);

test(
  'a token that the forge does not take is told, and the fetch goes on with another one',
  needs('git'),
  async (context) => {
    const { house, grant } = await openClaimed(context);
    const give = (word: string): Promise<void> => grant({ fetch: { username: 'x-access-token', password: word } });
    await give('ghs_that_was_withdrawn');
    const { wants, isFetchRefused } = await house.until('ask');
    assert.deepEqual([wants, isFetchRefused], [['fetch'], true]);
    await give(password);
    assert.deepEqual((await house.until('finished')).outcome, { kind: 'passed' });
    assert.equal(house.heard.filter(({ kind }) => kind === 'ask').length, 1);
  },
);

test('R2: without a grant within a minute the claim is given back, and nothing was fetched', async (context) => {
  const clock = createHandClock();
  const house = await openHouse(context, clock);
  await house.until('hello');
  await house.queue.publish(jobs, { body: JSON.stringify(orderFor('c'.repeat(40), 'http://127.0.0.1:9/nowhere')) });
  await house.until('claimed');
  clock.pass(15_000);
  await house.until('ask');
  clock.pass(44_999);
  assert.ok(!house.heard.some(({ kind }) => kind === 'finished'));
  clock.pass(1);
  const { outcome } = await house.until('finished');
  assert.equal(outcome.kind === 'broken' && outcome.cause, 'gave-back', 'which counts for nothing');
  assert.ok(!house.heard.some((message) => message.kind === 'beat' && message.phase === 'checkout'));
});

test('a repository for which the server had nothing says in the verdict what to do', needs('git'), async (context) => {
  const { house, grant } = await openClaimed(context);
  await grant({ fetch: null, fetchHint: 'the App has to be installed' });
  const { outcome } = await house.until('finished');
  assert.ok(outcome.kind === 'broken' && outcome.cause === 'checkout', JSON.stringify(outcome));
  assert.match(outcome.detail ?? '', /Username.*: the App has to be installed$/);
});
