import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openExecutor } from '../../../test/support/executor-starter.ts';
import { needs } from '../../../test/support/needs.ts';
import { cgroupPlaces, makeCgroups, removeCgroups } from '../cgroup.ts';
import { exited, openBench, outputOf, outputUntil, type Bench, type ExecutorFixture } from '../contract/bench.ts';
import { guardDir, readIdentity, readNotes } from '../guard/guard-state.ts';
import { carriersOf } from '../guard/nonce-sweep.ts';

const fixture: ExecutorFixture = {
  open: (dir) => openExecutor('process', dir),
  starter: () => ['false'],
  image: () => Promise.resolve(null),
};

const noLimits = { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };

/** What control groups can keep on this machine. */
const kept = await (async () => {
  const limits = { ...noLimits, memoryBytes: 64 << 20, pids: 20, cpus: 1 };
  const made = makeCgroups(await cgroupPlaces(), `groundcrew-probe-${String(process.pid)}`, limits);
  removeCgroups(made.dirs);
  return made.kept;
})();

function ifKept(what: 'memory' | 'pids'): { skip: false | string } {
  return { skip: kept.includes(what) ? false : `no control group here keeps ${what}` };
}

function withBench(body: (bench: Bench) => Promise<void>): () => Promise<void> {
  return async () => {
    const bench = await openBench(fixture);
    try {
      await body(bench);
    } finally {
      await bench.close();
    }
  };
}

void suite('the process executor on this machine', needs('linux'), () => {
  void test(
    'ends a fork bomb that ignores SIGTERM',
    ifKept('pids'),
    withBench(async (bench) => {
      const bomb = 'trap "" TERM; echo ready; f() { f 2>/dev/null & f 2>/dev/null & wait; }; f 2>/dev/null; sleep 5';
      const spec = await bench.spec(bomb, { limits: { ...noLimits, pids: 64 } });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      await run.stop(100);
      await run.cleanup();
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
    }),
  );

  void test(
    'tells a memory limit that killed from any other SIGKILL',
    ifKept('memory'),
    withBench(async (bench) => {
      const limits = { ...noLimits, memoryBytes: 32 << 20 };
      const eater = await exited(await bench.start('tail /dev/zero', { limits }));
      assert.deepEqual([eater.exitCode, eater.oom], [137, 'yes']);
      assert.ok((eater.peakMemoryBytes ?? 0) > 16 << 20);
      const other = await exited(await bench.start('kill -KILL $$', { limits }));
      assert.deepEqual([other.exitCode, other.oom], [137, 'no']);
    }),
  );

  void test(
    'finds a process that has cleared its environment by its control group, and removes the group',
    ifKept('pids'),
    withBench(async (bench) => {
      const spec = await bench.spec('env -i setsid sleep 87 & sleep 0.3; echo ready; sleep 20');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const { cgroups } = readNotes(guardDir(spec.stateDir)) ?? assert.fail('no notes');
      assert.ok(cgroups.length > 0);
      const pids = await carriersOf(spec.nonce, cgroups);
      await run.stop(0);
      await run.cleanup();
      for (const pid of pids) {
        const words = await readFile(`/proc/${String(pid)}/cmdline`, 'latin1').catch(() => '');
        assert.ok(!words.includes('sleep'), words);
      }
      assert.deepEqual(
        cgroups.filter((dir) => existsSync(dir)),
        [],
      );
    }),
  );

  void test(
    'says which limits nobody keeps, and that the network stays',
    withBench(async (bench) => {
      const heard: string[] = [];
      const spec = await bench.spec('exit 0', { network: 'none' });
      const run = await bench.executor.start(spec, (line) => heard.push(line), new AbortController().signal);
      assert.match(heard.join('\n'), /network/);
      await run.cleanup();
    }),
  );

  void test(
    'is broken, and leaves nothing running, when the guard itself is killed',
    withBench(async (bench) => {
      const spec = await bench.spec('echo ready; sleep 30');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const guard = readIdentity(join(guardDir(spec.stateDir), 'guard')) ?? assert.fail('no guard');
      process.kill(guard.pid, 'SIGKILL');
      const end = await run.wait();
      assert.equal(end.kind, 'broken');
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      assert.equal((await outputOf(run)).toString(), 'ready\n');
      await run.cleanup();
    }),
  );

  void test(
    'is broken, not failed, when the output could not be kept',
    withBench(async (bench) => {
      const spec = await bench.spec('echo ready; sleep 1; echo more; exit 0');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const guard = readIdentity(join(guardDir(spec.stateDir), 'guard')) ?? assert.fail('no guard');
      const children = await readFile(`/proc/${String(guard.pid)}/task/${String(guard.pid)}/children`, 'latin1');
      for (const pid of children.trim().split(' ')) {
        const below = (await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1')).trim();
        const words = below === '' ? '' : await readFile(`/proc/${below}/cmdline`, 'latin1');
        // The relay is the one that copies with dd; a full disk ends it likewise.
        if (words.startsWith('dd\0')) for (const one of [pid, below]) process.kill(Number(one), 'SIGKILL');
      }
      const end = await run.wait();
      assert.equal(end.kind, 'broken');
      assert.match(end.kind === 'broken' ? end.detail : '', /could not be kept/);
      await run.cleanup();
    }),
  );

  void test(
    'ends the output where the job ended, though an escaped process holds it open',
    withBench(async (bench) => {
      // It clears its environment and, as only root can, leaves our control groups.
      const leave =
        'for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do echo $$ >$f; done 2>/dev/null';
      const run = await bench.start(
        `echo said; env -i setsid sh -c '${leave}; sleep 2; echo late' & sleep 0.4; exit 3`,
      );
      assert.equal((await exited(run)).exitCode, 3);
      assert.equal((await outputOf(run)).toString(), 'said\n');
    }),
  );
});
