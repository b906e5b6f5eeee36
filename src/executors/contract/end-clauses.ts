import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { carriersOf } from '../guard/nonce-sweep.ts';
import {
  exited,
  ignoringTerm,
  noTrouble,
  outputOf,
  outputUntil,
  pick,
  type Bench,
  type ExecutorClause,
} from './bench.ts';

/** How a job ends: by itself, by its time, by a stop. */
export const endClauses: readonly ExecutorClause[] = [
  {
    title: 'the exit status is the command’s',
    async check(bench: Bench): Promise<void> {
      assert.deepEqual(pick(await (await bench.start('exit 0')).wait()), noTrouble);
      assert.equal((await exited(await bench.start('exit 3'))).exitCode, 3);
      assert.equal((await exited(await bench.start('exit 125'))).exitCode, 125);
    },
  },
  {
    title: 'a death by signal is 128 and the signal',
    async check(bench: Bench): Promise<void> {
      const end = await exited(await bench.start('kill -KILL $$'));
      assert.equal(end.exitCode, 137);
      assert.equal(end.stoppedBy, null);
    },
  },
  {
    title: 'a command that is not there, or cannot be executed, is the change’s own failure',
    async check(bench: Bench): Promise<void> {
      assert.notEqual((await exited(await bench.start(['./no-such-file']))).exitCode, 0);
      const spec = await bench.spec(['./plain']);
      await writeFile(join(spec.checkoutDir, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.notEqual((await exited(run)).exitCode, 0);
    },
  },
  {
    title: 'a checkout that is not there is the machinery’s failure',
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('exit 0', { checkoutDir: join(bench.dir, 'nowhere') });
      const end = await run.wait();
      assert.equal(end.kind, 'broken');
      assert.equal(end.isChangesFault, false);
    },
  },
  {
    title: 'an order that is withdrawn before it starts is broken, not run',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec('exit 0');
      const run = await bench.executor.start(spec, () => undefined, AbortSignal.abort());
      assert.equal((await run.wait()).kind, 'broken');
      await run.cleanup();
    },
  },
  {
    title: 'a job past its time gets SIGTERM and may say goodbye',
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
      const run = await bench.start(ignoringTerm, { timeoutMs: 1000, graceMs: 500 });
      const end = await exited(run);
      assert.deepEqual(pick(end), { kind: 'exited', exitCode: 137, stoppedBy: 'timeout' });
    },
  },
  {
    title: 'a stop is SIGTERM at once and SIGKILL after the grace',
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('sleep 20; echo never');
      await run.stop(100);
      const end = await run.wait();
      assert.ok(end.kind === 'broken' || end.stoppedBy === 'stopped');
      assert.doesNotMatch((await outputOf(run)).toString(), /never/);
    },
  },
  {
    title: 'what the job left in the background dies with it',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec(
        'setsid sleep 77 & (setsid sh -c "sleep 78 & sleep 79" &) ; echo ready; sleep 0.5; exit 4',
      );
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      assert.equal((await exited(run)).exitCode, 4);
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      await run.cleanup();
    },
  },
];
