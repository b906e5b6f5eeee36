import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGitHttpServer } from '../../test/support/git-http-server.ts';
import { makeRepo } from '../../test/support/git-repo.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { runnerDepsIn } from '../../test/support/runner-deps.ts';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { UsageError } from '../base/errors.ts';
import type { Job } from '../core/job.ts';
import type { Holding } from '../core/worker-message.ts';
import type { Executor, Run, RunSpec } from '../executors/executor.ts';
import { attemptDir } from './attempt-dir.ts';
import { createLocalRunner, type LocalRunnerDeps } from './local-runner.ts';

const secret = 'hunter2-is-the-secret';
const quiet = { phase: () => undefined, logBytes: () => undefined };

/** A run that prints and passes. */
function runOf(spec: RunSpec, text: string, stop: Run['stop'] = () => Promise.resolve()): Run {
  return {
    id: spec.id,
    imageDigest: null,
    output: async function* (offset) {
      yield await Promise.resolve(Buffer.from(text).subarray(offset));
    },
    stop,
    wait: () =>
      Promise.resolve({
        kind: 'exited',
        exitCode: 0,
        stoppedBy: null,
        oom: 'no',
        peakMemoryBytes: null,
        startedAt: 1,
        endedAt: 2,
      }),
    cleanup: () => Promise.resolve(),
  };
}

function executorOf(adopt: Executor['adopt'], swept: string[] = []): Executor {
  return {
    name: 'podman',
    isIsolating: true,
    trial: () => Promise.reject(new Error('not asked')),
    start: () => Promise.reject(new Error('not asked')),
    adopt,
    sweep: () => {
      swept.push('podman');
      return Promise.resolve([]);
    },
  };
}

const depsOf = async (context: CleansUp, known: Executor): Promise<LocalRunnerDeps> =>
  runnerDepsIn(await tempDir(context), known);

/** What a worker that was killed while its job ran left behind. */
async function leaveRunning(deps: LocalRunnerDeps, limits: Partial<Job['limits']> = {}): Promise<Holding> {
  const holding = holdingOf(limits);
  const dir = attemptDir(deps.attemptsDir, holding.nonce);
  await dir.keepHolding(holding);
  await dir.make();
  await mkdir(dir.secrets);
  await writeFile(join(dir.secrets, 'token'), secret);
  const { job } = holding.envelope;
  const spec: RunSpec = {
    id: 'run-1',
    nonce: holding.nonce,
    image: 'quay.io/a/b',
    command: ['true'],
    env: {},
    checkoutDir: dir.checkout,
    attachmentsDir: dir.attachments,
    stateDir: dir.state,
    secretFiles: { token: join(dir.secrets, 'token') },
    limits: job.limits,
    needsKvm: false,
    network: 'default',
    timeoutMs: 60_000,
    graceMs: 1000,
  };
  await dir.keepStarted({ executor: 'podman', spec, testedSha: job.subject.sha, startedAt: 1 });
  return holding;
}

test('a run taken up again is redacted by the secrets that it was given, whatever they are now', async (t) => {
  const deps = await depsOf(
    t,
    executorOf((spec) => Promise.resolve(runOf(spec, `it is ${secret}\n`))),
  );
  const { nonce } = await leaveRunning(deps);
  const [found] = await createLocalRunner(deps).adopt(() => quiet);
  assert.deepEqual((await found?.attempt.ended)?.outcome, { kind: 'passed' });
  await found?.attempt.seal(new AbortController().signal);
  const log = await readFile(join(deps.attemptsDir, nonce, 'log'), 'utf8');
  assert.match(log, /^it is /m);
  assert.doesNotMatch(log, new RegExp(secret));
  await found?.attempt.cleanup();
  assert.deepEqual(await readdir(deps.attemptsDir), []);
});

test('the run of an executor that is not usable now is taken up all the same', async (t) => {
  const deps = await depsOf(
    t,
    executorOf((spec) => Promise.resolve(runOf(spec, 'hi\n'))),
  );
  await leaveRunning(deps);
  const found = await createLocalRunner(deps).adopt(() => quiet);
  assert.equal(found.length, 1);
  await found[0]?.attempt.ended;
  await found[0]?.attempt.cleanup();
});

test('a run that cannot be looked at is left alone, with its directory', async (t) => {
  const swept: string[] = [];
  const deps = await depsOf(
    t,
    executorOf(() => Promise.reject(new Error('no more processes')), swept),
  );
  const { nonce } = await leaveRunning(deps);
  assert.deepEqual(await createLocalRunner(deps).adopt(() => quiet), []);
  assert.deepEqual([await readdir(deps.attemptsDir), swept], [[nonce], []]);
});

test('a run that is lost while it is taken up ends as broken', async (t) => {
  let asked = 0;
  const adopt: Executor['adopt'] = (spec) =>
    asked++ === 0 ? Promise.resolve(runOf(spec, '')) : Promise.reject(new Error('gone'));
  const deps = await depsOf(t, executorOf(adopt));
  await leaveRunning(deps);
  const [found] = await createLocalRunner(deps).adopt(() => quiet);
  assert.deepEqual((await found?.attempt.ended)?.outcome, {
    kind: 'broken',
    cause: 'internal',
    phase: 'running',
    detail: 'gone',
  });
});

test('an attempt whose log cannot be opened ends as broken, and leaves nothing', async (t) => {
  const deps = await depsOf(
    t,
    executorOf(() => Promise.resolve(null)),
  );
  const full = { ...deps, openJobLog: () => Promise.reject(new Error('ENOSPC: no space left on device')) };
  const runner = createLocalRunner(full);
  const holding = holdingOf();
  await runner.prepare(holding);
  const attempt = runner.start(holding, quiet);
  const { outcome } = await attempt.ended;
  assert.deepEqual([outcome.kind, outcome.kind === 'broken' && outcome.cause], ['broken', 'disk']);
  assert.equal(await attempt.seal(new AbortController().signal), null);
  await attempt.cleanup();
  assert.deepEqual(await readdir(deps.attemptsDir), []);
});

test('a stop that cannot be carried out is tried again', async (t) => {
  let stops = 0;
  let end: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (end = resolve));
  const stop = (): Promise<void> => {
    stops += 1;
    if (stops === 1) return Promise.reject(new Error('ENOSPC: no space left on device'));
    end();
    return Promise.resolve();
  };
  const adopt: Executor['adopt'] = (spec) => {
    const run = runOf(spec, '', stop);
    return Promise.resolve({
      ...run,
      wait: async () => (await stopped, { ...(await run.wait()), stoppedBy: 'stopped', exitCode: 143 }),
    });
  };
  const deps = await depsOf(t, executorOf(adopt));
  await leaveRunning(deps);
  await mkdir(deps.attemptsDir, { recursive: true });
  const [found] = await createLocalRunner(deps).adopt(() => quiet);
  found?.attempt.stop({ kind: 'cancel', reason: 'person', by: 'ada' });
  assert.deepEqual((await found?.attempt.ended)?.outcome, { kind: 'canceled', reason: 'person', by: 'ada' });
  assert.equal(stops, 2);
  await found?.attempt.cleanup();
});

for (const wasReached of [true, false]) {
  const when = wasReached ? 'after' : 'before';
  test(`a worker killed ${when} its stop for a limit reached the job gives the same verdict in its next life`, async (t) => {
    let end: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (end = resolve));
    if (wasReached) end();
    // The first life hears of nothing more until the test is over.
    let release: () => void = () => undefined;
    const dies = new Promise<void>((resolve) => (release = resolve));
    let life = 1;
    const adopt: Executor['adopt'] = (spec) => {
      const run = runOf(spec, 'x'.repeat(64), () => {
        if (life === 1) return dies;
        end();
        return Promise.resolve();
      });
      return Promise.resolve({
        ...run,
        wait: async () => {
          await (life === 1 ? dies : stopped);
          return { ...(await run.wait()), stoppedBy: 'stopped', exitCode: 143 };
        },
      });
    };
    const deps = await depsOf(t, executorOf(adopt));
    const { nonce } = await leaveRunning(deps, { logBytes: 32 });
    const [first] = await createLocalRunner(deps).adopt(() => quiet);
    const dir = attemptDir(deps.attemptsDir, nonce);
    await until(() => dir.stopReason(), { what: 'the reason on the disk' });
    life = 2;
    const [found] = await createLocalRunner(deps).adopt(() => quiet);
    const outcome = (await found?.attempt.ended)?.outcome;
    assert.deepEqual(outcome?.kind === 'failed' ? [outcome.reason, outcome.exitCode] : outcome, ['log-limit', 143]);
    release();
    await first?.attempt.ended;
    await first?.attempt.cleanup();
    await found?.attempt.cleanup();
  });
}

test('a secret that this worker does not have is told as that, and as no fault of ours or of the change', async (t) => {
  const known = executorOf(() => Promise.resolve(null));
  const deps = await depsOf(t, known);
  const repo = makeRepo(join(await tempDir(t), 'repo'));
  const sha = repo.commit({ 'a.txt': 'a' });
  const why = 'secret token: is not configured; add it under secrets';
  const runner = createLocalRunner({
    ...deps,
    executors: { container: known, process: null },
    secretFiles: () => Promise.reject(new UsageError('config/unknown-secret', why)),
  });
  const { envelope, nonce } = holdingOf();
  const job = { ...envelope.job, container: 'quay.io/a/b', subject: { ...envelope.job.subject, sha } };
  const holding = { envelope: { ...envelope, job, cloneUrl: repo.dir }, nonce };
  await runner.prepare(holding);
  const attempt = runner.start(holding, quiet);
  const { outcome } = await attempt.ended;
  assert.deepEqual(outcome, { kind: 'broken', cause: 'refused', phase: 'starting', detail: why });
  await attempt.cleanup();
});

test('a private repository is fetched with the credentials of its forge, which neither the job nor its log sees', async (t) => {
  const root = await tempDir(t);
  const repo = makeRepo(join(root, 'repo'));
  const sha = repo.commit({ 'a.txt': 'a' });
  const header = `Basic ${Buffer.from('x-access-token:ghs_private').toString('base64')}`;
  await using server = await openGitHttpServer(root, header);
  const specs: RunSpec[] = [];
  const known: Executor = {
    ...executorOf(() => Promise.resolve(null)),
    start: (spec) => {
      specs.push(spec);
      return Promise.resolve(runOf(spec, 'ok'));
    },
  };
  const deps = await depsOf(t, known);
  const asked: string[] = [];
  const runner = createLocalRunner({
    ...deps,
    executors: { container: known, process: null },
    secretFiles: () => Promise.resolve({}),
    fetchCredentials: ({ forge, repo: name }) => {
      asked.push(`${forge} ${name}`);
      return Promise.resolve({ [`http.${server.url}.extraHeader`]: `Authorization: ${header}` });
    },
  });
  const { envelope, nonce } = holdingOf();
  const job = { ...envelope.job, container: 'quay.io/a/b', subject: { ...envelope.job.subject, sha } };
  const holding = { envelope: { ...envelope, job, cloneUrl: `${server.url}repo/.git` }, nonce };
  await runner.prepare(holding);
  const attempt = runner.start(holding, quiet);
  assert.deepEqual((await attempt.ended).outcome, { kind: 'passed' });
  assert.deepEqual(asked, ['git a']);
  assert.ok(server.requests.every(({ authorization }) => authorization === header));
  assert.doesNotMatch(JSON.stringify(specs), /ghs_private|eC1hY2Nlc3M/);
  const checkout = attemptDir(deps.attemptsDir, nonce).checkout;
  assert.doesNotMatch(await readFile(join(checkout, '.git', 'config'), 'utf8'), /extraHeader|Authorization/i);
  await attempt.cleanup();
});

test('a forge that gives no credentials breaks the attempt, and no job is told it failed', async (t) => {
  const known = executorOf(() => Promise.resolve(null));
  const runner = createLocalRunner({
    ...(await depsOf(t, known)),
    fetchCredentials: () => Promise.reject(new UsageError('forge/not-installed', 'the App is not installed there')),
  });
  const holding = holdingOf();
  await runner.prepare(holding);
  const attempt = runner.start(holding, quiet);
  assert.deepEqual((await attempt.ended).outcome, {
    kind: 'broken',
    cause: 'checkout',
    phase: 'checkout',
    detail: 'the App is not installed there',
  });
  await attempt.cleanup();
});

test('tests that live elsewhere are checked out instead of the change, as they are, and run by their own entry point', async (t) => {
  const root = await tempDir(t);
  const tests = makeRepo(join(root, 'tests'));
  const sha = tests.commit({ 'test/run': { script: '#!/bin/sh\n' } });
  const specs: RunSpec[] = [];
  const known: Executor = {
    ...executorOf(() => Promise.resolve(null)),
    start: (spec) => {
      specs.push(spec);
      return Promise.resolve(runOf(spec, 'ok'));
    },
  };
  const deps = await depsOf(t, known);
  const runner = createLocalRunner({ ...deps, executors: { container: known, process: null } });
  const { envelope, nonce } = holdingOf();
  const job: Job = {
    ...envelope.job,
    command: null,
    container: 'quay.io/a/b',
    secrets: [],
    env: { TEST_REVISION: envelope.job.subject.sha },
    commandSubject: { ...envelope.job.subject, repo: 'x/tests', sha },
  };
  const holding = { envelope: { ...envelope, job, cloneUrl: tests.dir }, nonce };
  await runner.prepare(holding);
  const attempt = runner.start(holding, quiet);
  assert.deepEqual((await attempt.ended).outcome, { kind: 'passed' });
  assert.deepEqual(specs[0]?.command, ['./test/run']);
  assert.equal(specs[0].env['TEST_REVISION'], envelope.job.subject.sha);
  assert.deepEqual(await readdir(join(attemptDir(deps.attemptsDir, nonce).checkout, 'test')), ['run']);
  await attempt.cleanup();
});
