import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exited, outputOf, outputUntil, type Bench, type ExecutorClause } from './bench.ts';

/** What the job finds around it, and what it may use. */
export const placeClauses: readonly ExecutorClause[] = [
  {
    title: 'a trial says that it works, and how',
    async check({ executor }: Bench): Promise<void> {
      const trial = await executor.trial(AbortSignal.timeout(60_000));
      assert.equal(trial.isUsable, true, trial.finding);
      assert.match(trial.finding, /^[^\n]{5,}$/);
    },
  },
  {
    title: 'the command runs in the checkout and may write there',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec(['./entry', 'a b', '$c']);
      await writeFile(join(spec.checkoutDir, 'entry'), '#!/bin/sh\necho "$1:$2" >written\n', { mode: 0o755 });
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      assert.equal((await exited(run)).exitCode, 0);
      assert.equal(await readFile(join(spec.checkoutDir, 'written'), 'utf8'), 'a b:$c\n');
      await run.cleanup();
    },
  },
  {
    title: 'the environment is what was ordered, and nothing of ours',
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
      const file = join(bench.dir, 'the-token');
      await writeFile(file, 'hush', { mode: 0o600 });
      const run = await bench.start('cat "$GROUNDCREW_SECRETS/token"', { secretFiles: { token: file } });
      assert.equal((await outputOf(run)).toString(), 'hush');
      await run.cleanup();
      const kept = await readdir(bench.dir, { recursive: true });
      assert.deepEqual(
        kept.filter((name) => name.endsWith('token') && name !== 'the-token'),
        [],
        'no copy stays behind',
      );
    },
  },
  {
    title: 'a job without network has none',
    isForIsolating: true,
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('ls /sys/class/net', { network: 'none' });
      assert.equal((await outputOf(run)).toString(), 'lo\n');
    },
  },
  {
    title: 'past its memory it is killed, with the evidence',
    isForIsolating: true,
    async check(bench: Bench): Promise<void> {
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
    async check(bench: Bench): Promise<void> {
      const limits = { memoryBytes: null, pids: 12, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };
      const run = await bench.start('i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; echo never', { limits });
      assert.match((await outputOf(run)).toString(), /fork|temporarily unavailable/i);
    },
  },
];
