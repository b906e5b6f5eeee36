import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { sweepDeadRuns } from '../worker/sweep-dead-runs.ts';
import { ownerOfRun } from './run-job-here.ts';
import { withTrialDir } from './trial-dir.ts';

test('a trial has a place and an owner of its own while it lasts, and leaves nothing', async (t) => {
  const workerDir = await tempDir(t);
  const owners = await Promise.all(
    [1, 2].map(() =>
      withTrialDir(workerDir, systemRandom, async ({ dir, owner }) => {
        assert.ok((await readdir(dir)).includes('lock'));
        return owner;
      }),
    ),
  );
  assert.equal(new Set(owners).size, 2, 'of two doctors neither ends what the other tries');
  assert.deepEqual(await readdir(workerDir), []);
});

test('what a killed trial left is ended and removed by whoever tidies this machine', async (t) => {
  const workerDir = await tempDir(t);
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', script, workerDir, join(import.meta.dirname, 'trial-dir.ts')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  const owner = told.toString().trim();
  const [name = ''] = await readdir(workerDir);
  const dir = join(workerDir, name);
  const hourAgo = new Date(Date.now() - 3_600_000);
  const ended: string[] = [];
  const tidy = async (): Promise<number> => {
    await utimes(dir, hourAgo, hourAgo);
    const endRun = (_dir: string, nonce: string): Promise<void> => Promise.resolve(void ended.push(ownerOfRun(nonce)));
    return await sweepDeadRuns({ workerDir, endRun, clock: systemClock, logger: silentLogger });
  };
  assert.equal(await tidy(), 0, 'it is at work');
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
  assert.equal(await tidy(), 1);
  assert.deepEqual([ended, await readdir(workerDir)], [[owner], []]);
});

const script = `
const [workerDir, module] = process.argv.slice(-2);
const { withTrialDir } = await import(module);
await withTrialDir(workerDir, { hex: (bytes) => 'a'.repeat(2 * bytes) }, async ({ owner }) => {
  process.stdout.write(owner + '\\n');
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});`;

test('where no worker has a directory, a trial makes none', async (t) => {
  const workerDir = join(await tempDir(t), 'worker');
  await withTrialDir(workerDir, systemRandom, () => Promise.resolve());
  await assert.rejects(readdir(workerDir), { code: 'ENOENT' });
});
