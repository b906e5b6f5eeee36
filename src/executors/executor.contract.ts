import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isGroundcrewError } from '../base/errors.ts';
import type { Executor, Run, RunEnd, RunSpec } from './executor.ts';
import { carriersOf } from './guard/nonce-sweep.ts';

/** What a suite of the contract is run against. */
export interface ExecutorFixture {
  /** Opens the executor of a worker that keeps its state in `dir`; a second call is that worker restarted. */
  readonly open: (dir: string) => Executor;
  /** A program (argv) that starts the run of `{dir, spec}`, prints `started`, and lives on until it is killed. */
  readonly starter: (order: { readonly dir: string; readonly spec: RunSpec }) => readonly [string, ...string[]];
  /** Makes what jobs run in; null for an executor without images. It must hold `sh` and the usual small programs. */
  readonly image: () => Promise<string | null>;
}

/** One promise of the port, and how it is put to the test. */
export interface ExecutorClause {
  readonly title: string;
  /** Only asked of executors that isolate. */
  readonly isForIsolating?: boolean;
  readonly check: (bench: Bench) => Promise<void>;
}

/** Registers every clause as a test. */
export function executorContract(name: string, gate: { skip: false | string }, fixture: ExecutorFixture): void {
  void suite(`contract of the ${name} executor`, gate, () => {
    for (const clause of executorClauses) {
      void test(clause.title, { timeout: 60_000 }, () => runClause(clause, fixture));
    }
  });
}

/** Runs one clause in directories of its own, and leaves nothing behind whatever comes of it. */
export async function runClause(clause: ExecutorClause, fixture: ExecutorFixture): Promise<void> {
  const bench = await openBench(fixture);
  try {
    if (clause.isForIsolating === true && !bench.executor.isIsolating) return;
    await clause.check(bench);
  } finally {
    await bench.close();
  }
}

/** A worker's place, and short words for what the clauses do in it. */
export interface Bench {
  readonly dir: string;
  readonly executor: Executor;
  /** The same worker after a restart. */
  restarted(): Executor;
  spec(command: string | readonly string[], more?: Partial<RunSpec>): Promise<RunSpec>;
  start(command: string | readonly string[], more?: Partial<RunSpec>): Promise<Run>;
  /** Starts the run in another process, waits until that says so, and ends it with SIGKILL when told. */
  startElsewhere(spec: RunSpec): Promise<{ kill(): Promise<void> }>;
  close(): Promise<void>;
}

async function openBench(fixture: ExecutorFixture): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'gcx-'));
  const image = await fixture.image();
  const executor = fixture.open(dir);
  const specs: RunSpec[] = [];
  const runs: Run[] = [];
  const stops: (() => Promise<void>)[] = [];
  const bench: Bench = {
    dir,
    executor,
    restarted: () => fixture.open(dir),
    async spec(command, more = {}) {
      const n = String(specs.length);
      const nonce = randomBytes(8).toString('hex');
      const checkoutDir = join(dir, n, 'checkout');
      const attachmentsDir = join(dir, n, 'attachments');
      for (const one of [checkoutDir, attachmentsDir]) await mkdir(one, { recursive: true });
      const spec: RunSpec = {
        id: `contract-${nonce}.${n}`,
        nonce,
        image,
        command: typeof command === 'string' ? ['sh', '-c', command] : command,
        env: {},
        checkoutDir,
        attachmentsDir,
        stateDir: join(dir, n, 'state'),
        secretFiles: {},
        limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
        needsKvm: false,
        network: executor.isIsolating ? 'none' : 'default',
        timeoutMs: 30_000,
        graceMs: 2000,
        ...more,
      };
      specs.push(spec);
      return spec;
    },
    async start(command, more) {
      const run = await executor.start(await bench.spec(command, more), () => undefined, new AbortController().signal);
      runs.push(run);
      return run;
    },
    async startElsewhere(spec) {
      const [file, ...args] = fixture.starter({ dir, spec });
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      const kill = async (): Promise<void> => {
        child.kill('SIGKILL');
        await exited;
      };
      stops.push(kill);
      await Promise.race([once(child.stdout, 'data'), exited]);
      assert.equal(child.exitCode, null, 'the starting process lives');
      return { kill };
    },
    async close() {
      for (const stop of stops) await stop();
      for (const run of runs) await run.cleanup();
      await fixture.open(dir).sweep(new Set());
      await rm(dir, { recursive: true, force: true });
      for (const { nonce } of specs) assert.deepEqual(await carriersOf(nonce, []), [], 'no process is left behind');
    },
  };
  return bench;
}

/** The whole output from an offset. */
export async function outputOf(run: Run, offset = 0): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const bytes of run.output(offset)) parts.push(bytes);
  return Buffer.concat(parts);
}

/** Reads output until it holds `word`; so a clause knows how far the job is. */
async function outputUntil(run: Run, word: string): Promise<string> {
  let text = '';
  for await (const bytes of run.output(0)) {
    text += Buffer.from(bytes).toString('latin1');
    if (text.includes(word)) return text;
  }
  assert.fail(`the output ended without ${word}: ${text}`);
}

type Exited = Extract<RunEnd, { kind: 'exited' }>;

async function exited(run: Run): Promise<Exited> {
  const end = await run.wait();
  if (end.kind !== 'exited') assert.fail(`broken: ${end.detail}\n${(await outputOf(run)).toString()}`);
  return end;
}

async function until(isSo: () => Promise<boolean> | boolean, what: string, mostMs = 15_000): Promise<void> {
  const last = performance.now() + mostMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < last, `never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const ignoringTerm = 'trap "" TERM; echo ready; while :; do sleep 0.1; done';
const noTrouble = { kind: 'exited', exitCode: 0, stoppedBy: null };

function pick(end: RunEnd): unknown {
  return end.kind === 'exited' ? { kind: end.kind, exitCode: end.exitCode, stoppedBy: end.stoppedBy } : end;
}

/** Every promise of the port, one by one. */
export const executorClauses: readonly ExecutorClause[] = [
  {
    title: 'a trial says that it works, and how',
    async check({ executor }) {
      const trial = await executor.trial(AbortSignal.timeout(60_000));
      assert.equal(trial.isUsable, true, trial.finding);
      assert.match(trial.finding, /^[^\n]{5,}$/);
    },
  },
  {
    title: 'the exit status is the command’s',
    async check(bench) {
      assert.deepEqual(pick(await (await bench.start('exit 0')).wait()), noTrouble);
      assert.equal((await exited(await bench.start('exit 3'))).exitCode, 3);
      assert.equal((await exited(await bench.start('exit 125'))).exitCode, 125);
    },
  },
  {
    title: 'a death by signal is 128 and the signal',
    async check(bench) {
      const end = await exited(await bench.start('kill -KILL $$'));
      assert.equal(end.exitCode, 137);
      assert.equal(end.stoppedBy, null);
    },
  },
  {
    title: 'a command that is not there, or cannot be executed, is the change’s own failure',
    async check(bench) {
      assert.notEqual((await exited(await bench.start(['./no-such-file']))).exitCode, 0);
      const spec = await bench.spec(['./plain']);
      await writeFile(join(spec.checkoutDir, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.notEqual((await exited(run)).exitCode, 0);
    },
  },
  {
    title: 'a checkout that is not there is the machinery’s failure',
    async check(bench) {
      const run = await bench.start('exit 0', { checkoutDir: join(bench.dir, 'nowhere') });
      const end = await run.wait();
      assert.equal(end.kind, 'broken');
      assert.equal(end.isChangesFault, false);
    },
  },
  {
    title: 'an order that is withdrawn before it starts is broken, not run',
    async check(bench) {
      const spec = await bench.spec('exit 0');
      const run = await bench.executor.start(spec, () => undefined, AbortSignal.abort());
      assert.equal((await run.wait()).kind, 'broken');
      await run.cleanup();
    },
  },
  {
    title: 'the command runs in the checkout and may write there',
    async check(bench) {
      const spec = await bench.spec(['./entry', 'a b', '$c']);
      await writeFile(join(spec.checkoutDir, 'entry'), '#!/bin/sh\necho "$1:$2" >written\n', { mode: 0o755 });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.equal((await exited(run)).exitCode, 0);
      assert.equal(await readFile(join(spec.checkoutDir, 'written'), 'utf8'), 'a b:$c\n');
      await run.cleanup();
    },
  },
  {
    title: 'stdout and stderr are one stream in the order of writing',
    async check(bench) {
      const run = await bench.start('i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done');
      const expected = Array.from({ length: 300 }, (_, i) => `o${String(i)}\ne${String(i)}\n`).join('');
      assert.equal((await outputOf(run)).toString(), expected);
    },
  },
  {
    title: 'output is exact to the byte, whatever the bytes, without a last newline',
    async check(bench) {
      const spec = await bench.spec('cat blob; printf "\\000\\r\\n\\377end"');
      const blob = randomBytes(50_000_003);
      await writeFile(join(spec.checkoutDir, 'blob'), blob);
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      const hash = createHash('sha256');
      let size = 0;
      for await (const bytes of run.output(0)) {
        hash.update(bytes);
        size += bytes.length;
      }
      const expected = Buffer.concat([blob, Buffer.from('\0\r\n\xffend', 'latin1')]);
      assert.equal(size, expected.length);
      assert.equal(hash.digest('hex'), createHash('sha256').update(expected).digest('hex'));
      assert.equal((await outputOf(run, 50_000_000)).toString('hex'), expected.subarray(50_000_000).toString('hex'));
      assert.deepEqual(await outputOf(run, expected.length), Buffer.alloc(0));
      assert.deepEqual(pick(await run.wait()), noTrouble);
      await run.cleanup();
    },
  },
  {
    title: 'output is seen while the job runs',
    async check(bench) {
      const run = await bench.start('echo now; exec sleep 20');
      await outputUntil(run, 'now');
      await run.stop(0);
    },
  },
  {
    title: 'a job that closes its output lives on',
    async check(bench) {
      const run = await bench.start('echo before; exec >/dev/null 2>&1; sleep 0.5; exit 9');
      const end = exited(run);
      assert.equal((await outputOf(run)).toString(), 'before\n');
      assert.equal((await end).exitCode, 9);
    },
  },
  {
    title: 'a job whose output nobody reads is held back, and can be stopped',
    async check(bench) {
      const spec = await bench.spec('exec cat /dev/zero');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      const kept = async (): Promise<number> => (await readFile(join(spec.stateDir, 'executor', 'output'))).length;
      let before = -1;
      // Two looks that see the same: it stands still.
      await until(async () => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        const now = await kept();
        const isStill = now === before && now > 0;
        before = now;
        return isStill;
      }, 'the job stands still');
      assert.ok(before < 200 * 1024 * 1024, `${String(before)} bytes kept`);
      await run.stop(0);
      assert.equal((await exited(run)).stoppedBy, 'stopped');
      await run.cleanup();
    },
  },
  {
    title: 'a job past its time gets SIGTERM and may say goodbye',
    async check(bench) {
      const command = 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
      const run = await bench.start(command, { timeoutMs: 1500, graceMs: 10_000 });
      const end = await exited(run);
      assert.deepEqual(pick(end), { kind: 'exited', exitCode: 5, stoppedBy: 'timeout' });
      // The shell says so when its own child got the signal with it.
      assert.match((await outputOf(run)).toString(), /^ready\n(Terminated\n)?bye\n$/);
      assert.ok(end.endedAt - end.startedAt >= 1000, 'not before its time');
    },
  },
  {
    title: 'a job past its time that ignores SIGTERM is killed after the grace',
    async check(bench) {
      const run = await bench.start(ignoringTerm, { timeoutMs: 1000, graceMs: 500 });
      const end = await exited(run);
      assert.deepEqual(pick(end), { kind: 'exited', exitCode: 137, stoppedBy: 'timeout' });
    },
  },
  {
    title: 'a stop is SIGTERM at once and SIGKILL after the grace',
    async check(bench) {
      const polite = await bench.start('trap "echo bye; exit 6" TERM; echo ready; while :; do sleep 0.1; done');
      await outputUntil(polite, 'ready');
      const asked = performance.now();
      await polite.stop(20_000);
      assert.ok(performance.now() - asked < 5000, 'it does not wait for the grace to pass');
      assert.deepEqual(pick(await polite.wait()), { kind: 'exited', exitCode: 6, stoppedBy: 'stopped' });
      const deaf = await bench.start(ignoringTerm);
      await outputUntil(deaf, 'ready');
      await Promise.all([deaf.stop(300), deaf.stop(300)]);
      assert.deepEqual(pick(await deaf.wait()), { kind: 'exited', exitCode: 137, stoppedBy: 'stopped' });
      await deaf.stop(300);
    },
  },
  {
    title: 'a stop right after the start ends the job',
    async check(bench) {
      const run = await bench.start('sleep 20; echo never');
      await run.stop(100);
      const end = await run.wait();
      assert.ok(end.kind === 'broken' || end.stoppedBy === 'stopped');
      assert.doesNotMatch((await outputOf(run)).toString(), /never/);
    },
  },
  {
    title: 'what the job left in the background dies with it',
    async check(bench) {
      const spec = await bench.spec('setsid sleep 77 & (setsid sh -c "sleep 78 & sleep 79" &) ; sleep 0.3; exit 4');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.equal((await exited(run)).exitCode, 4);
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      await run.cleanup();
    },
  },
  {
    title: 'the environment is what was ordered, and nothing of ours',
    async check(bench) {
      process.env['GROUNDCREW_CONTRACT_LEAK'] = 'leaked';
      const env = { PLAIN: 'x', ODD: `it's "so"\nand\t\\n $HOME`, 'not.a-shell-name': 'y', EMPTY: '', LC_ALL: 'C' };
      const spec = await bench.spec('env -0; echo "nonce=$GROUNDCREW_NONCE"', { env });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      delete process.env['GROUNDCREW_CONTRACT_LEAK'];
      const text = (await outputOf(run)).toString();
      const found = new Map(
        text.split('\0').map((entry) => [entry.split('=', 1)[0] ?? '', entry.replace(/^[^=]*=/, '')]),
      );
      for (const [name, value] of Object.entries(env)) {
        // A shell between us and env(1) drops names that it cannot hold; the job's first process has them.
        if (name !== 'not.a-shell-name') assert.equal(found.get(name), value, name);
      }
      assert.equal(found.get('GROUNDCREW_NONCE'), spec.nonce);
      for (const name of ['PATH', 'HOME', 'TEST_ATTACHMENTS', 'GROUNDCREW_SECRETS']) assert.ok(found.get(name), name);
      assert.doesNotMatch(text, /leaked|NODE_|npm_/);
      await run.cleanup();
    },
  },
  {
    title: 'attachments stay whatever the end, with their directories',
    async check(bench) {
      const spec = await bench.spec(
        'mkdir "$TEST_ATTACHMENTS/sub"; echo kept >"$TEST_ATTACHMENTS/sub/file"; echo ready; sleep 20',
      );
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      await run.stop(0);
      await run.cleanup();
      assert.equal(await readFile(join(spec.attachmentsDir, 'sub', 'file'), 'utf8'), 'kept\n');
    },
  },
  {
    title: 'secrets are files that the job can read',
    async check(bench) {
      const file = join(bench.dir, 'the-token');
      await writeFile(file, 'hush', { mode: 0o600 });
      const run = await bench.start('cat "$GROUNDCREW_SECRETS/token"', { secretFiles: { token: file } });
      assert.equal((await outputOf(run)).toString(), 'hush');
    },
  },
  {
    title: 'a run outlives the worker that is killed, and is found again with every byte',
    async check(bench) {
      const command = 'echo first; while [ ! -e go ]; do sleep 0.05; done; cat blob; exit 11';
      const spec = await bench.spec(command);
      const blob = randomBytes(3_000_000);
      await writeFile(join(spec.checkoutDir, 'blob'), blob);
      const worker = await bench.startElsewhere(spec);
      const early = await bench.restarted().adopt(spec);
      assert.ok(early, 'it is there while the other worker lives');
      await outputUntil(early, 'first');
      await worker.kill();
      const run = await bench.restarted().adopt(spec);
      assert.ok(run);
      await writeFile(join(spec.checkoutDir, 'go'), '');
      assert.deepEqual(await outputOf(run), Buffer.concat([Buffer.from('first\n'), blob]));
      assert.equal((await exited(run)).exitCode, 11);
      assert.deepEqual(await outputOf(run, 6 + 1_000_000), blob.subarray(1_000_000));
      await run.cleanup();
    },
  },
  {
    title: 'a run that ended while no worker lived tells how it ended',
    async check(bench) {
      const spec = await bench.spec('echo said; while [ ! -e go ]; do sleep 0.05; done; echo more; exit 12');
      const worker = await bench.startElsewhere(spec);
      await worker.kill();
      await writeFile(join(spec.checkoutDir, 'go'), '');
      await until(async () => (await carriersOf(spec.nonce, [])).length === 0, 'the job has ended');
      const run = await bench.restarted().adopt(spec);
      assert.ok(run);
      assert.equal((await exited(run)).exitCode, 12);
      assert.equal((await outputOf(run)).toString(), 'said\nmore\n');
      await run.cleanup();
    },
  },
  {
    title: 'time-out and grace hold though the worker is dead',
    async check(bench) {
      const spec = await bench.spec(ignoringTerm, { timeoutMs: 1500, graceMs: 500 });
      const worker = await bench.startElsewhere(spec);
      await worker.kill();
      await until(async () => (await carriersOf(spec.nonce, [])).length === 0, 'the job is killed');
      const run = await bench.restarted().adopt(spec);
      assert.ok(run);
      assert.deepEqual(pick(await run.wait()), { kind: 'exited', exitCode: 137, stoppedBy: 'timeout' });
      await run.cleanup();
    },
  },
  {
    title: 'a run that was never started, or is cleaned up, is not adopted',
    async check(bench) {
      assert.equal(await bench.executor.adopt(await bench.spec('exit 0')), null);
      const spec = await bench.spec('exit 0');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await run.wait();
      await run.cleanup();
      assert.equal(await bench.restarted().adopt(spec), null);
    },
  },
  {
    title: 'a second start of the same attempt is refused',
    async check(bench) {
      const spec = await bench.spec('sleep 20');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await assert.rejects(
        bench.executor.start(spec, () => undefined, new AbortController().signal),
        (error) => isGroundcrewError(error, 'executors/started-before'),
      );
      await run.cleanup();
    },
  },
  {
    title: 'cleaning up ends what still runs, and twice is harmless',
    async check(bench) {
      const spec = await bench.spec(ignoringTerm);
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      await run.cleanup();
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      await run.cleanup();
    },
  },
  {
    title: 'the sweep ends and removes what is not kept, and nothing else',
    async check(bench) {
      const kept = await bench.spec('echo ready; sleep 20');
      const stray = await bench.spec('echo ready; sleep 20');
      for (const spec of [kept, stray]) {
        const worker = await bench.startElsewhere(spec);
        const run = await bench.executor.adopt(spec);
        assert.ok(run);
        await outputUntil(run, 'ready');
        await worker.kill();
      }
      const again = bench.restarted();
      assert.deepEqual(await again.sweep(new Set([kept.id])), [stray.id]);
      assert.deepEqual(await carriersOf(stray.nonce, []), []);
      assert.notDeepEqual(await carriersOf(kept.nonce, []), []);
      assert.equal(await again.adopt(stray), null);
      assert.deepEqual(await again.sweep(new Set([kept.id])), []);
      const run = await again.adopt(kept);
      assert.ok(run);
      await run.cleanup();
    },
  },
  {
    title: 'a job without network has none',
    isForIsolating: true,
    async check(bench) {
      const run = await bench.start('ls /sys/class/net', { network: 'none' });
      assert.equal((await outputOf(run)).toString(), 'lo\n');
    },
  },
  {
    title: 'past its memory it is killed, with the evidence',
    isForIsolating: true,
    async check(bench) {
      const limits = { memoryBytes: 64 << 20, pids: 100, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };
      const run = await bench.start('echo ready; sleep 0.5; tail /dev/zero', { limits });
      const end = await exited(run);
      assert.equal(end.exitCode, 137);
      // Evidence can be missed, and then it is not known; it must never say no.
      assert.notEqual(end.oom, 'no');
    },
  },
  {
    title: 'processes are limited',
    isForIsolating: true,
    async check(bench) {
      const limits = { memoryBytes: null, pids: 12, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };
      const run = await bench.start('i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; echo never', { limits });
      assert.match((await outputOf(run)).toString(), /fork|temporarily unavailable/i);
    },
  },
];
