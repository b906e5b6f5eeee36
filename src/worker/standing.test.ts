import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { startLoneWorker, type LoneWorker } from '../../test/support/lone-worker.ts';
import { modelRunner } from '../../test/support/model-runner.ts';
import { until } from '../../test/support/until.ts';
import { attemptOf, signEnvelope } from '../core/job-envelope.ts';
import type { ControlMessage } from '../core/worker-message.ts';
import type { AttemptRunner } from './attempt-runner.ts';

const mib = 2 ** 20;
const passed = { kind: 'passed' } as const;
const serve: ControlMessage = { v: 1, kind: 'serve', queues: ['jobs.default'] };

async function serving(worker: LoneWorker): Promise<void> {
  await until(() => worker.hellos().length > 0, { what: 'its hello' });
  worker.tell(serve);
  await until(() => worker.isTaking(), { what: 'a consumer' });
}

function kinds(worker: LoneWorker, kind: string): number {
  return worker.said.filter((one) => one.kind === kind).length;
}

/** Runs jobs of a second that leave a log of so many bytes, which the store takes when `stored` is called. */
function loggingRunner(clock: ReturnType<typeof createHandClock>, logBytes: number) {
  const waiting: (() => void)[] = [];
  const model = modelRunner(clock, () => ({ ms: 1_000, outcome: passed }));
  const runner: AttemptRunner = {
    ...model,
    start(holding, progress) {
      const attempt = model.start(holding, progress);
      queueMicrotask(() => {
        progress.logBytes(logBytes);
      });
      return {
        ...attempt,
        stop: (request) => {
          attempt.stop(request);
        },
        seal: () =>
          new Promise((resolve) => {
            waiting.push(() => {
              resolve(null);
            });
          }),
      };
    },
  };
  return { runner, stored: () => waiting.shift()?.() };
}

for (const [bytes, isFull] of [
  [2 * mib, true],
  [2 * mib - 1, false],
] as const) {
  test(`with ${String(bytes)} of 2 MiB waiting for the store a worker takes ${isFull ? 'no job, and says why, until they are gone' : 'the next job'}`, async (context) => {
    const clock = createHandClock();
    const { runner, stored } = loggingRunner(clock, bytes);
    const worker = startLoneWorker(context, { runner, clock, backlog: { unsentBytes: 2 * mib } });
    await serving(worker);
    assert.equal(await worker.offer(), 'ack');
    clock.pass(1_000);
    await until(() => kinds(worker, 'finished') === 1, { what: 'the end of the first' });
    await until(() => worker.isTaking(), { what: 'the free slot' });
    if (!isFull) {
      assert.equal(await worker.offer(), 'ack');
      assert.equal(kinds(worker, 'claimed'), 2);
      return;
    }
    assert.equal(await worker.offer(), 'retry');
    assert.equal(kinds(worker, 'claimed'), 1);
    const why = 'logs of 2 MiB wait for the store (worker.maxUnsent)';
    const full = { takesJobs: false, isPaused: false, why };
    await until(() => worker.hellos().at(-1)?.standing?.why === why, { what: 'the word why' });
    assert.deepEqual(worker.hellos().at(-1)?.standing, full);
    await until(() => !worker.isTaking(), { what: 'its consumers to go' });
    stored();
    await until(
      () => {
        clock.pass(10_000);
        return worker.isTaking();
      },
      { what: 'it to take jobs again' },
    );
    await until(() => worker.hellos().at(-1)?.standing?.takesJobs === true, { what: 'the word of it' });
    assert.equal(await worker.offer(), 'ack');
  });
}

test('a refused worker says so once, takes nothing, finishes what it has, and asks again each 30 s until it is served', async (context) => {
  const clock = createHandClock();
  const runner = modelRunner(clock, () => ({ ms: 20_000, outcome: passed }));
  const worker = startLoneWorker(context, { runner, clock });
  await serving(worker);
  assert.equal(await worker.offer(), 'ack');
  const refused: ControlMessage = { v: 1, kind: 'refused', why: 'it speaks version 1 of the protocol', speaks: [2] };
  const before = worker.hellos().length;
  worker.tell(refused);
  await until(() => worker.hellos().length === before + 1, { what: 'its standing' });
  const why =
    'the server does not work with this worker: it speaks version 1 of the protocol (it speaks 2, we speak 1)';
  assert.deepEqual(worker.hellos().at(-1)?.standing, { takesJobs: false, isPaused: false, why });
  // The answer to that hello, and a server that asks who runs: neither may start a chain of words.
  worker.tell(refused);
  worker.tell({ v: 1, kind: 'who-runs' });
  assert.deepEqual(worker.errors, [why]);
  clock.pass(20_000);
  await until(() => kinds(worker, 'finished') === 1, { what: 'the end of what ran' });
  assert.equal(worker.isTaking(), false);
  assert.equal(worker.hellos().length, before + 1);
  for (const round of [2, 3]) {
    await until(
      () => {
        if (worker.hellos().length < before + round) clock.pass(1_000);
        return worker.hellos().length === before + round;
      },
      { what: 'its next question' },
    );
    worker.tell(refused);
  }
  assert.ok(clock.monotonic() >= 60_000, 'rarely');
  assert.equal(worker.errors.length, 1);
  worker.tell(serve);
  await until(() => worker.isTaking(), { what: 'it to work again' });
  await until(() => worker.hellos().at(-1)?.standing?.takesJobs === true, { what: 'the word of it' });
});

test('an adopted attempt asks for its grant when the worker can hear the answer, and once', async (context) => {
  const clock = createHandClock();
  const { envelope: plain, nonce } = holdingOf();
  const { signature: _nobodys, ...order } = plain;
  const holding = { envelope: signEnvelope({ ...order, grants: ['fetch', 'store'] }, 'key'), nonce };
  const model = modelRunner(clock, () => ({ ms: 60_000, outcome: passed }));
  const got: unknown[] = [];
  const runner: AttemptRunner = {
    ...model,
    adopt: (progressFor) => {
      const progress = progressFor(holding);
      void progress.grants?.wait(new AbortController().signal).then((grant) => got.push(grant));
      return Promise.resolve([{ holding, attempt: model.start(holding, progress) }]);
    },
  };
  const worker = startLoneWorker(context, { runner, clock });
  await until(() => worker.hellos().length > 0, { what: 'its hello' });
  const order1 = worker.said.map(({ kind }) => kind).filter((kind) => kind === 'control' || kind === 'ask');
  assert.deepEqual(order1, ['control', 'ask']);
  const asked = worker.said.find((one) => one.kind === 'ask');
  assert.ok(asked?.kind === 'ask');
  assert.deepEqual(asked.wants, ['store'], 'its checkout is over');
  const grant = { validMs: 900_000, fetch: null, store: null };
  worker.tell({ v: 1, kind: 'grant', attempt: attemptOf(holding.envelope), nonce, grant });
  await until(() => got.length === 1, { what: 'the grant' });
  clock.pass(30_000);
  assert.equal(kinds(worker, 'ask'), 1);
});
