import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeRepo, type TestRepo } from '../../../test/support/git-repo.ts';
import { needs } from '../../../test/support/needs.ts';
import { type CleansUp, tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { hasHooks, hookBlock, type HookOptions, installHooks, removeHooks } from './hook.ts';

interface Place {
  readonly repo: TestRepo;
  readonly options: HookOptions;
  readonly hooks: string;
  /** Files that hooks left so far. */
  spooled(): string[];
}

async function place(context: CleansUp, ...initArgs: string[]): Promise<Place> {
  const root = await tempDir(context);
  const repo = makeRepo(join(root, "it's a repo"), ...initArgs);
  const spoolDir = join(root, 'spool $(x) dir');
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  return {
    repo,
    options: { repoDir: repo.dir, spoolDir, append: false, isDryRun: false, env },
    hooks: initArgs.includes('--bare') ? join(repo.dir, 'hooks') : join(repo.dir, '.git/hooks'),
    spooled: () => readdirSync(spoolDir).filter((name) => name.endsWith('.hook')),
  };
}

const refusedWith =
  (code: `forge/${string}`) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, code);

test('a commit leaves one file, made by rename', needs('git'), async (context) => {
  const p = await place(context);
  const changes = await installHooks(p.options);
  assert.deepEqual(
    changes.map(({ hook, action }) => `${hook} ${action}`),
    ['post-commit created', 'post-merge created', 'post-rewrite created', 'post-receive created'],
  );
  p.repo.commit({ a: '1' });
  const [name] = await until(() => p.spooled().length > 0 && p.spooled());
  assert.match(name ?? '', /^[0-9a-f]{16}\.hook$/);
  p.repo.commit({ a: '2' });
  await until(() => readdirSync(p.options.spoolDir).length === 1);
  assert.equal(readFileSync(join(p.options.spoolDir, name ?? ''), 'utf8'), `${p.repo.dir}/.git\n`);
});

test('a push into a bare repository leaves a file', needs('git'), async (context) => {
  const p = await place(context, '--bare');
  await installHooks(p.options);
  const work = makeRepo(join(p.repo.dir, '../work'));
  work.commit({ a: '1' });
  work.git('push', '-q', p.repo.dir, 'main');
  await until(() => p.spooled().length === 1);
});

test('installing twice changes nothing, removing leaves nothing', needs('git'), async (context) => {
  const p = await place(context);
  const before = readdirSync(p.hooks);
  await installHooks(p.options);
  assert.equal(await hasHooks(p.options), true);
  assert.ok((await installHooks(p.options)).every(({ action }) => action === 'unchanged'));
  assert.ok((await removeHooks(p.options)).every(({ action }) => action === 'removed'));
  assert.deepEqual(readdirSync(p.hooks), before);
  assert.equal(await hasHooks(p.options), false);
  assert.ok((await removeHooks(p.options)).every(({ action }) => action === 'absent'));
});

test('a dry run changes nothing', needs('git'), async (context) => {
  const p = await place(context);
  const before = readdirSync(p.hooks);
  await installHooks({ ...p.options, isDryRun: true });
  assert.deepEqual(readdirSync(p.hooks), before);
  assert.equal(existsSync(p.options.spoolDir), false);
});

test(
  'a hook that is there is refused, then extended so that both run, then restored',
  needs('git'),
  async (context) => {
    const p = await place(context);
    const mark = join(p.repo.dir, '../theirs');
    const theirs = `#!/usr/bin/env bash\necho ran >>'${mark.replaceAll("'", `'\\''`)}'\nexit 1\n`;
    writeFileSync(join(p.hooks, 'post-commit'), theirs, { mode: 0o755 });
    await assert.rejects(installHooks(p.options), refusedWith('forge/hook-exists'));
    assert.equal(existsSync(join(p.hooks, 'post-merge')), false, 'all or nothing');
    await installHooks({ ...p.options, append: true });
    p.repo.commit({ a: '1' });
    await until(() => p.spooled().length === 1);
    assert.equal(readFileSync(mark, 'utf8'), 'ran\n');
    await removeHooks(p.options);
    assert.equal(readFileSync(join(p.hooks, 'post-commit'), 'utf8'), theirs);
  },
);

test('hooks that cannot be extended safely are refused with the reason', needs('git'), async (context) => {
  const p = await place(context);
  const hook = join(p.hooks, 'post-commit');
  const append = { ...p.options, append: true };
  writeFileSync(hook, '#!/usr/bin/python3\n', { mode: 0o755 });
  await assert.rejects(installHooks(append), refusedWith('forge/hook-not-shell'));
  writeFileSync(hook, '#!/bin/sh\n');
  chmodSync(hook, 0o644);
  await assert.rejects(installHooks(append), refusedWith('forge/hook-not-active'));
  rmSync(hook);
  writeFileSync(join(p.hooks, 'tracked'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('tracked', hook);
  await assert.rejects(installHooks(append), refusedWith('forge/hook-is-link'));
  await assert.rejects(installHooks({ ...append, repoDir: join(p.repo.dir, '..') }), refusedWith('forge/no-repo'));
});

test('core.hooksPath is respected', needs('git'), async (context) => {
  const p = await place(context);
  p.repo.git('config', 'core.hooksPath', 'my hooks');
  await installHooks(p.options);
  assert.ok((statSync(join(p.repo.dir, 'my hooks/post-commit')).mode & 0o111) !== 0);
  p.repo.commit({ a: '1' });
  await until(() => p.spooled().length === 1);
});

test('a hook outlives groundcrew in silence', needs('git'), async (context) => {
  const p = await place(context);
  await installHooks(p.options);
  rmSync(p.options.spoolDir, { recursive: true });
  const output = execFileSync('sh', [join(p.hooks, 'post-commit')], { stdio: ['ignore', 'pipe', 'pipe'] });
  assert.equal(output.toString('utf8'), '');
  p.repo.commit({ a: '1' });
  mkdirSync(p.options.spoolDir, { mode: 0o500 });
  p.repo.commit({ a: '2' });
});

test('a hook does not keep the standard streams of git open', needs('git'), async (context) => {
  const p = await place(context);
  await installHooks(p.options);
  // A reader that never comes: writing blocks for ever, and git must not notice.
  execFileSync('mkfifo', [join(p.options.spoolDir, 'fifo')]);
  const hook = join(p.hooks, 'post-commit');
  writeFileSync(hook, readFileSync(hook, 'utf8').replace(/>"\$part"/, `>'${p.options.spoolDir}/fifo'`));
  const began = performance.now();
  p.repo.commit({ a: '1' });
  assert.ok(performance.now() - began < 5000);
  // Let the waiting writer go.
  execFileSync('sh', ['-c', 'cat "$1" >/dev/null', 'sh', join(p.options.spoolDir, 'fifo')]);
});

test('the hook is clean shell', needs('shellcheck'), async (context) => {
  const file = join(await tempDir(context), 'hook');
  const block = hookBlock({ id: '0123456789abcdef', spoolDir: "/a b/c'd", gitDir: '/x/.git' });
  writeFileSync(file, `#!/bin/sh\n${block}`);
  execFileSync('shellcheck', ['--shell=sh', file]);
  execFileSync('sh', ['-n', file]);
});
