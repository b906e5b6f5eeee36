import assert from 'node:assert/strict';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { makeRepo } from '../../test/support/git-repo.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from './clock.ts';
import { createGit } from './git.ts';
import { createGitMirrors } from './git-mirror.ts';
import { markMirrorUsed, pruneMirrors } from './git-mirror-prune.ts';
import { tryProcessLock } from './process-lock.ts';

const dayMs = 24 * 3_600_000;

test('mirrors that nobody used for long go, used and locked ones stay, and so do other files', async (context) => {
  const cacheDir = await tempDir(context);
  const clock = createHandClock();
  const old = new Date(clock.now() - 31 * dayMs);
  for (const name of ['0a.git', '1b.git', '2c.git', 'mine']) {
    await mkdir(join(cacheDir, name, 'objects'), { recursive: true });
    await utimes(join(cacheDir, name), old, old);
  }
  await mkdir(join(cacheDir, '3d.git.part'));
  await mkdir(join(cacheDir, '3d.git.trash-7-1'));
  await writeFile(join(cacheDir, '3d.git.trash-7-1', 'pack'), 'x');
  markMirrorUsed(join(cacheDir, '1b.git'), clock.now());
  await using _lock = tryProcessLock(join(cacheDir, '2c.git.lock'));
  assert.equal(await pruneMirrors(cacheDir, { unusedMs: 30 * dayMs, clock }), 1);
  const left = (await readdir(cacheDir)).filter((name) => !name.includes('.lock'));
  assert.deepEqual(left.sort(), ['1b.git', '2c.git', 'mine']);
});

test('no cache is nothing to prune', async (context) => {
  const cacheDir = join(await tempDir(context), 'none');
  assert.equal(await pruneMirrors(cacheDir, { unusedMs: 1, clock: systemClock }), 0);
});

test('a look into a mirror counts as use; one that was removed is fetched anew', async (context) => {
  const root = await tempDir(context);
  const cacheDir = join(root, 'cache');
  const repo = makeRepo(join(root, 'origin'));
  const sha = repo.commit({ 'a.txt': 'a' });
  const mirrors = createGitMirrors({ git: createGit(process.env), cacheDir, depth: null, clock: systemClock });
  const ensure = () => mirrors.ensure(repo.dir, [{ sha, refs: [] }], { signal: AbortSignal.timeout(60_000) });
  const { gitDir } = await ensure();
  const old = new Date(Date.now() - 31 * dayMs);
  await utimes(gitDir, old, old);
  await ensure();
  assert.equal(await pruneMirrors(cacheDir, { unusedMs: 30 * dayMs, clock: systemClock }), 0);
  await utimes(gitDir, old, old);
  assert.equal(await pruneMirrors(cacheDir, { unusedMs: 30 * dayMs, clock: systemClock }), 1);
  assert.equal((await ensure()).commits.has(sha), true);
});
