import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isGroundcrewError } from '../../base/errors.ts';
import type { RunEnd } from '../executor.ts';
import { guardDir, readIdentity } from '../guard/guard-state.ts';
import { carriersOf } from '../guard/nonce-sweep.ts';
import { exited, ignoringTerm, outputOf, outputUntil, pick, until, type Bench, type ExecutorClause } from './bench.ts';

/** What outlives a killed worker, and what is removed. */
export const survivalClauses: readonly ExecutorClause[] = [
  {
    title: 'a run outlives the worker that is killed, and is found again with every byte',
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec(ignoringTerm, { timeoutMs: 1500, graceMs: 500 });
      const worker = await bench.startElsewhere(spec);
      await worker.kill();
      const run = await bench.restarted().adopt(spec);
      assert.ok(run);
      let end: RunEnd | null = null;
      void run.wait().then((ended) => {
        end = ended;
      });
      await until(() => end !== null, 'the end of the job', 20_000);
      assert.deepEqual(end === null ? null : pick(end), { kind: 'exited', exitCode: 137, stoppedBy: 'timeout' });
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      await run.cleanup();
    },
  },
  {
    title: 'a run whose guard was killed is broken, and cleaning up ends what the guard left',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec('echo ready; sleep 20');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const guard = readIdentity(join(guardDir(spec.stateDir), 'guard'));
      assert.ok(guard);
      process.kill(guard.pid, 'SIGKILL');
      assert.equal((await run.wait()).kind, 'broken');
      await run.cleanup();
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      assert.deepEqual(await carriersOf(spec.nonce, [], 'GROUNDCREW_GUARD'), []);
    },
  },
  {
    title: 'a guard that was killed when it was done leaves nothing either',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec('echo ready; sleep 20');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const dir = guardDir(spec.stateDir);
      const guard = readIdentity(join(dir, 'guard'));
      assert.ok(guard);
      // Where a container ends, its guard still waits for the engine after these two.
      process.kill(guard.pid, 'SIGKILL');
      await writeFile(join(dir, 'ended'), '0\n');
      await writeFile(join(dir, 'done'), '');
      await run.wait();
      await run.cleanup();
      assert.deepEqual(await carriersOf(spec.nonce, [], 'GROUNDCREW_GUARD'), []);
    },
  },
  {
    title: 'a run that was never started, or is cleaned up, is not adopted',
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
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
];
