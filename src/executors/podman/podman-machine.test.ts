import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openExecutor } from '../../../test/support/executor-starter.ts';
import { needs } from '../../../test/support/needs.ts';
import { podmanCacheDir, podmanEnv, testImage } from '../../../test/support/test-image.ts';
import {
  exited,
  openBench,
  outputOf,
  outputUntil,
  until,
  type Bench,
  type ExecutorFixture,
} from '../contract/bench.ts';
import { guardDir, readIdentity } from '../guard/guard-state.ts';
import { carriersOf } from '../guard/nonce-sweep.ts';
import { createPodmanExecutor } from './podman-executor.ts';
import { rememberedSettings, trialImage } from './settings.ts';
import { endStuckMonitor } from './stuck-monitor.ts';

const fixture: ExecutorFixture = {
  open: (dir) => openExecutor('podman', dir),
  starter: () => ['false'],
  image: testImage,
};
const noLimits = { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };

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

async function podman(...args: string[]): Promise<string> {
  const env = podmanEnv();
  const flags = (await rememberedSettings(podmanCacheDir(), env['PATH'] ?? ''))?.globalFlags ?? [];
  const { stdout } = spawnSync('podman', ['--log-level=error', ...flags, ...args], { env, encoding: 'utf8' });
  return stdout;
}

void suite('the podman executor on this machine', needs('podman'), () => {
  void test(
    'names the digest of the image that ran, and gives limits and layer',
    withBench(async (bench) => {
      const command = 'ulimit -n; df -k /dev/shm | tail -1; echo x >/layer; echo ready; sleep 20';
      const run = await bench.start(command, { limits: { ...noLimits, shmBytes: 32 << 20, cpus: 1 } });
      assert.match(run.imageDigest ?? '', /^[^@:]+@sha256:[0-9a-f]{64}$/);
      assert.match(await outputUntil(run, 'ready'), / 32768 /);
      const dirs = (await run.diskDirs?.()) ?? [];
      if (process.getuid?.() === 0) assert.ok((await readdir(dirs[0] ?? '/')).includes('layer'), dirs.join());
      await run.stop(0);
    }),
  );

  void test(
    'tells a memory limit that killed, or says that it does not know',
    withBench(async (bench) => {
      const limits = { ...noLimits, memoryBytes: 48 << 20 };
      const command = 'sleep 0.3; tail /dev/zero';
      const ends = [
        await exited(await bench.start(command, { limits })),
        await exited(await bench.start(command, { limits })),
      ];
      for (const end of ends) {
        assert.equal(end.exitCode, 137);
        assert.notEqual(end.oom, 'no');
      }
    }),
  );

  void test(
    'takes the end from the container when podman itself is killed',
    withBench(async (bench) => {
      const spec = await bench.spec('echo ready; sleep 1; echo more; exit 21');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const client = readIdentity(join(guardDir(spec.stateDir), 'job')) ?? assert.fail('no job');
      process.kill(client.pid, 'SIGKILL');
      assert.equal((await exited(run)).exitCode, 21);
      assert.equal((await outputOf(run)).toString(), 'ready\nmore\n');
      await run.cleanup();
    }),
  );

  void test(
    'knows the end of a job before podman has removed its container, and removes it all the same',
    withBench(async (bench) => {
      // On a busy machine podman may be first.
      let wasEarly = false;
      for (let round = 0; round < 5 && !wasEarly; round += 1) {
        const spec = await bench.spec('echo all of it; exit 23');
        const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
        assert.equal((await exited(run)).exitCode, 23);
        const dir = guardDir(spec.stateDir);
        wasEarly = existsSync(join(dir, 'container.exit')) && !existsSync(join(dir, 'removed'));
        assert.equal((await outputOf(run)).toString(), 'all of it\n');
        await run.cleanup();
        assert.equal(existsSync(join(dir, 'removed')), true);
        assert.doesNotMatch(await podman('ps', '--all', '--format', '{{.Names}}'), new RegExp(spec.id));
      }
      assert.equal(wasEarly, true);
    }),
  );

  void test(
    'removes the container when the guard was killed, and is broken',
    withBench(async (bench) => {
      const spec = await bench.spec('echo ready; sleep 30');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      await outputUntil(run, 'ready');
      const guard = readIdentity(join(guardDir(spec.stateDir), 'guard')) ?? assert.fail('no guard');
      process.kill(guard.pid, 'SIGKILL');
      assert.equal((await run.wait()).kind, 'broken');
      await run.cleanup();
      assert.deepEqual(await carriersOf(spec.nonce, []), []);
      assert.doesNotMatch(await podman('ps', '--all', '--format', '{{.Names}}'), new RegExp(spec.id));
    }),
  );

  void test(
    'ends the processes of a container that podman made, never started and forgot',
    withBench(async (bench) => {
      const name = `groundcrew-stuck-${String(process.pid)}`;
      const spec = await bench.spec('exit 0');
      const monitors = async (): Promise<readonly string[]> => {
        const pids = (await readdir('/proc')).filter((entry) => /^[1-9]/.test(entry));
        const words = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')));
        return words.filter((line) => line.includes(`\0-n\0${name}\0`));
      };
      const { runFlags = [] } = (await rememberedSettings(podmanCacheDir(), podmanEnv()['PATH'] ?? '')) ?? {};
      await podman('create', ...runFlags, '--network=none', `--name=${name}`, spec.image ?? '', 'true');
      try {
        // As far as podman had come when it was killed.
        await podman('init', name);
        assert.equal((await monitors()).length, 1);
        assert.deepEqual(await endStuckMonitor(`${name}x`), []);
        assert.equal((await endStuckMonitor(name)).length, 1);
        await until(async () => (await monitors()).length === 0, 'its monitor has ended');
      } finally {
        await podman('rm', '--force', '--time=0', name);
      }
    }),
  );

  void test(
    'removes its container by itself though no worker lives, and leaves those of others',
    withBench(async (bench) => {
      const other = `groundcrew-other-${String(process.pid)}`;
      const spec = await bench.spec('exit 0');
      await podman('create', '--label=groundcrew.owner=somebody-else', `--name=${other}`, spec.image ?? '', 'true');
      try {
        const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
        await run.wait();
        await until(async () => !(await podman('ps', '-a', '--format', '{{.Names}}')).includes(spec.id), 'it is gone');
        await bench.restarted().sweep(new Set());
        assert.match(await podman('ps', '--all', '--format', '{{.Names}}'), new RegExp(other));
      } finally {
        await podman('rm', '--force', '--time=0', other);
      }
    }),
  );

  void test(
    'sweeps a container whose files are gone',
    withBench(async (bench) => {
      const owner = `test-sweep-${String(process.pid)}`;
      const labels = [`--label=groundcrew.owner=${owner}`, '--label=groundcrew.run=lost-one'];
      await podman('create', ...labels, '--name=groundcrew-lost-one', await testImage(), 'true');
      const executor = createPodmanExecutor({
        owner,
        runsDir: join(bench.dir, 'other-runs'),
        cacheDir: podmanCacheDir(),
        env: podmanEnv(),
      });
      assert.deepEqual(await executor.sweep(new Set()), ['lost-one']);
      assert.deepEqual(await executor.sweep(new Set()), []);
    }),
  );

  void test(
    'shows no value of a variable in an argument list',
    withBench(async (bench) => {
      const secret = 'hunter2-in-the-environment';
      const spec = await bench.spec('echo "$TOKEN"; echo ready; sleep 20', { env: { TOKEN: secret } });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.match(await outputUntil(run, 'ready'), new RegExp(secret));
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        const words = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
        assert.ok(!words.includes(secret) || Number(pid) === process.pid, words);
      }
      for (const file of ['launch.sh', 'output']) {
        const { mode } = await stat(join(guardDir(spec.stateDir), file));
        assert.equal(mode & 0o077, 0, file);
      }
      await run.stop(0);
      await run.cleanup();
    }),
  );

  void test(
    'an image that nobody has is the change’s fault, a registry that is away is not',
    withBench(async (bench) => {
      const heard: string[] = [];
      const startOf = async (image: string): Promise<unknown> => {
        const spec = await bench.spec('exit 0', { image });
        const run = await bench.executor.start(spec, (line) => heard.push(line), new AbortController().signal);
        const end = await run.wait();
        return end.kind === 'broken' ? [end.cause, end.isChangesFault] : end;
      };
      assert.deepEqual(await startOf('localhost/groundcrew-no-such:1'), ['unknown-image', true]);
      assert.deepEqual(await startOf('Not A Name'), ['unknown-image', true]);
      assert.deepEqual(await startOf('127.0.0.1:1/some/image:1'), ['image-pull', false]);
      assert.ok(
        heard.some((line) => line.includes('127.0.0.1:1')),
        heard.join('\n'),
      );
    }),
  );

  void test(
    'remembers which settings worked',
    withBench(async (bench) => {
      const cacheDir = join(bench.dir, 'cache');
      const options = { owner: 'x', runsDir: join(bench.dir, 'r'), cacheDir, env: podmanEnv() };
      const first = await createPodmanExecutor(options).trial(AbortSignal.timeout(60_000));
      assert.equal(first.isUsable, true, first.finding);
      const path = podmanEnv()['PATH'] ?? '';
      const settings = await rememberedSettings(cacheDir, path);
      assert.ok(settings);
      const again = await createPodmanExecutor(options).trial(AbortSignal.timeout(60_000));
      assert.equal(again.finding, first.finding);
      // A record of another podman, or other limits, is worth nothing.
      const file = join(cacheDir, 'podman.json');
      const record = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
      await writeFile(file, JSON.stringify({ ...record, key: 'another podman' }));
      assert.equal(await rememberedSettings(cacheDir, path), null);
    }),
  );

  for (const state of ['Created', 'Initialized']) {
    void test(
      `a sweep removes the container of a trial that was killed (${state})`,
      withBench(async (bench) => {
        const cacheDir = join(bench.dir, 'cache');
        // What podman was told to run, as the trial tells it: made here, and never run.
        const binDir = join(bench.dir, 'bin');
        await mkdir(binDir);
        const told = join(bench.dir, 'told');
        const real = podmanEnv();
        const path = real['PATH'] ?? '';
        const script = `#!/bin/sh\nprintf '%s\\n' "$@" >>'${told}'\nPATH='${path}' exec podman "$@"\n`;
        await writeFile(join(binDir, 'podman'), script, { mode: 0o755 });
        const owner = `trial-${String(process.pid)}-${state.toLowerCase()}`;
        const options = { owner, runsDir: join(bench.dir, 'r'), cacheDir };
        const watched = createPodmanExecutor({ ...options, env: { ...real, PATH: `${binDir}:${path}` } });
        const trial = await watched.trial(AbortSignal.timeout(60_000));
        assert.equal(trial.isUsable, true, trial.finding);
        const words = (await readFile(told, 'utf8')).split('\n');
        const own = words.filter((word) => /^--(?:name|label)=/.test(word)).slice(-3);
        const name = /^--name=(.+)$/.exec(own[0] ?? '')?.[1] ?? '';
        assert.match(name, /^groundcrew-trial-/);
        const flags = (await rememberedSettings(podmanCacheDir(), path))?.runFlags ?? [];
        await podman(
          'create',
          '--init',
          '--network=none',
          ...flags,
          ...own,
          trialImage,
          '/run/podman-init',
          '--version',
        );
        if (state === 'Initialized') await podman('init', name);
        assert.equal((await podman('ps', '--all', '--format={{.State}}', `--filter=name=${name}`)).trim(), state);
        const other = createPodmanExecutor({ ...options, owner: `${owner}-other`, env: real });
        assert.deepEqual(await other.sweep(new Set()), []);
        const again = createPodmanExecutor({ ...options, env: real });
        assert.deepEqual(await again.sweep(new Set()), [name.slice('groundcrew-'.length)]);
        assert.equal(await podman('ps', '--all', '--quiet', `--filter=name=${name}`), '');
      }),
    );
  }

  void test(
    'is not usable without podman, and says so',
    withBench(async (bench) => {
      const options = { owner: 'x', runsDir: join(bench.dir, 'r'), cacheDir: join(bench.dir, 'c') };
      const executor = createPodmanExecutor({ ...options, env: { PATH: bench.dir } });
      const trial = await executor.trial(AbortSignal.timeout(60_000));
      assert.deepEqual([trial.isUsable, trial.finding], [false, 'podman is not installed']);
      const run = await executor.start(await bench.spec('exit 0'), () => undefined, new AbortController().signal);
      assert.equal((await run.wait()).kind, 'broken');
    }),
  );
});
