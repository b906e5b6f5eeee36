import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupPlaces, possibleCgroups, removeCgroups } from '../cgroup.ts';
import type { Executor, Run, RunEnd, RunSpec } from '../executor.ts';
import { carriersOf } from '../guard/nonce-sweep.ts';

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

/** A bench in a new directory. */
export async function openBench(fixture: ExecutorFixture): Promise<Bench> {
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
      const places = await cgroupPlaces();
      const groups = specs
        .flatMap(({ id }) => possibleCgroups(places, `groundcrew-${id}`))
        .filter((one) => existsSync(one));
      for (const { nonce } of specs) assert.deepEqual(await carriersOf(nonce, []), [], 'no process is left behind');
      // A broken adapter's are removed, too; then it is told.
      removeCgroups(groups);
      assert.deepEqual(groups, [], 'no control group is left behind');
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
export async function outputUntil(run: Run, word: string): Promise<string> {
  let text = '';
  for await (const bytes of run.output(0)) {
    text += Buffer.from(bytes).toString('latin1');
    if (text.includes(word)) return text;
  }
  assert.fail(`the output ended without ${word}: ${text}`);
}

/** The end of a run whose command was started. */
export type Exited = Extract<RunEnd, { kind: 'exited' }>;

/** Waits for an end that is not broken. */
export async function exited(run: Run): Promise<Exited> {
  const end = await run.wait();
  if (end.kind !== 'exited') assert.fail(`broken: ${end.detail}\n${(await outputOf(run)).toString()}`);
  return end;
}

/** Waits until something is so. */
export async function until(isSo: () => Promise<boolean> | boolean, what: string, mostMs = 15_000): Promise<void> {
  const last = performance.now() + mostMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < last, `never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A job that only SIGKILL ends. */
export const ignoringTerm = 'trap "" TERM; echo ready; while :; do sleep 0.1; done';
/** What `pick` makes of a job that passed. */
export const noTrouble = { kind: 'exited', exitCode: 0, stoppedBy: null };

/** The part of an end that can be foretold. */
export function pick(end: RunEnd): unknown {
  return end.kind === 'exited' ? { kind: end.kind, exitCode: end.exitCode, stoppedBy: end.stoppedBy } : end;
}
