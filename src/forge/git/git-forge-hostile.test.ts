import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openGitHttpServer } from '../../../test/support/git-http-server.ts';
import { makeRepo } from '../../../test/support/git-repo.ts';
import { openGitWorld } from '../../../test/support/git-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { type CleansUp, tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { gitCredential } from '../../base/git-credential.ts';
import { createGit } from '../../base/git.ts';
import type { Logger } from '../../base/logger.ts';
import { systemClock } from '../../base/clock.ts';
import type { Forge } from '../forge.ts';
import { createBranchFilter } from '../../decide/branch-pattern.ts';
import { hookId } from './hook-spool.ts';
import { createLookCounter } from './look-counter.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

test('a branch with shell characters is a place like any other', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  const branch = `$(touch\${IFS}x);'"&|<>#!%ü`;
  const sha = await world.commit({ branch, files: { a: '1' } });
  const view = await world.forge.view('demo', `git|demo|branch/${branch}`, signal());
  assert.equal(view?.change.headSha, sha);
  assert.equal(await world.forge.headOf('demo', branch, signal()), sha);
});

test('forged and overlong names in packed refs are ignored, and the rest is seen', needs('git'), async (context) => {
  const warned: string[] = [];
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    error: () => undefined,
    warn: (message) => void warned.push(message),
    with: () => logger,
  };
  const world = await openGitWorld(context, 'bare', { forge: { logger } });
  const sha = (await world.forge.headOf('demo', 'main', signal())) ?? '';
  const names = [
    'refs/pull/07/head',
    'refs/pull/x/head',
    'refs/pull/1/merge',
    'refs/pull/9999999999/head',
    `refs/heads/${'x'.repeat(10_000)}`,
    'refs/heads/-option',
    'refs/pull/8/head',
    'refs/other/x',
  ];
  writeFileSync(
    join(world.originDir, 'packed-refs'),
    [...names, 'refs/heads/main']
      .sort()
      .map((name) => `${sha} ${name}\n`)
      .join(''),
  );
  const keys = (await world.forge.places('demo', signal())).map(({ changeKey }) => changeKey);
  assert.deepEqual(keys.sort(), ['git|demo|branch/-option', 'git|demo|branch/main', 'git|demo|pull/8']);
  const stop = new AbortController();
  const watching = world.forge.watch(() => Promise.resolve(), stop.signal);
  await until(() => warned.length > 0);
  stop.abort();
  await watching;
});

test('a repository without commits has no places', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  execFileSync('rm', ['-rf', world.originDir]);
  makeRepo(world.originDir, '--bare');
  assert.deepEqual(await world.forge.places('demo', signal()), []);
  assert.equal(await world.forge.headOf('demo', 'main', signal()), null);
});

test('a detached HEAD hides nothing, and pull requests fall back to main', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'work tree');
  const sha = await world.commit({ branch: 'main', files: { a: '1' } });
  world.work.git('checkout', '-q', '--detach');
  await world.setPull(1, sha);
  const view = await world.forge.view('demo', 'git|demo|pull/1', signal());
  assert.equal(view?.change.baseRef, 'main');
});

test('one ref to a missing object does not hide the others', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  writeFileSync(join(world.originDir, 'refs/heads/broken'), `${'a'.repeat(40)}\n`);
  const places = await world.forge.places('demo', signal());
  assert.ok(places.some(({ changeKey }) => changeKey === 'git|demo|branch/main'));
  assert.notEqual(await world.forge.view('demo', 'git|demo|branch/main', signal()), null);
});

test('a pull request that is a tag or a file is none', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  world.work.git('tag', '-a', 't', '-m', 't');
  await world.setPull(1, world.work.git('rev-parse', 't'));
  await world.setPull(2, world.work.git('rev-parse', 'HEAD:README'));
  assert.equal(await world.forge.view('demo', 'git|demo|pull/1', signal()), null);
  assert.equal(await world.forge.view('demo', 'git|demo|pull/2', signal()), null);
});

test('a repository of another user is read', needs('git', 'root'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  execFileSync('chown', ['-R', '65534:65534', world.originDir]);
  assert.equal((await world.forge.places('demo', signal())).length, 1);
  const byUrl = await openGitWorld(context, 'file url');
  assert.equal((await byUrl.forge.places('demo', signal())).length, 1);
});

test('a repository that vanishes and comes back is watched again', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare');
  const heard = listen(world.forge, context);
  await until(() => heard.length === 1);
  renameSync(world.originDir, `${world.originDir}.away`);
  await assert.rejects(world.forge.places('demo', signal()));
  renameSync(`${world.originDir}.away`, world.originDir);
  const sha = await world.commit({ branch: 'main', files: { a: '1' } });
  await until(() => heard.some((moved) => moved.sha === sha));
  assert.ok(
    heard.every((moved) => moved.sha !== null),
    'vanishing is not the deletion of every branch',
  );
});

test('what a hook left before the start, and rubbish beside it, is handled', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare', { pollMs: 600_000 });
  mkdirSync(world.spoolDir);
  const id = hookId(world.originDir);
  writeFileSync(join(world.spoolDir, `${id}.taken`), '');
  writeFileSync(join(world.spoolDir, '0123456789abcdef.hook'), 'not ours');
  mkdirSync(join(world.spoolDir, 'fedcba9876543210.hook'));
  symlinkSync('/etc/passwd', join(world.spoolDir, 'aaaaaaaaaaaaaaaa.hook'));
  writeFileSync(join(world.spoolDir, 'README'), 'stays');
  const heard = listen(world.forge, context);
  await until(() => heard.length === 1 && readdirSync(world.spoolDir).length === 1);
  assert.deepEqual(readdirSync(world.spoolDir), ['README']);
  assert.match(readFileSync('/etc/passwd', 'utf8'), /root/);
});

test('a hook file stays until what it told of is stored', needs('git'), async (context) => {
  const world = await openGitWorld(context, 'bare', { pollMs: 600_000 });
  let isFull = false;
  const heard: (string | null)[] = [];
  const stop = new AbortController();
  const watching = world.forge.watch(async ({ sha }) => {
    if (isFull) throw new Error('the disk is full');
    heard.push(sha);
  }, stop.signal);
  await until(() => heard.length === 1);
  isFull = true;
  const sha = await world.commit({ branch: 'main', files: { a: '1' } });
  const id = hookId(world.originDir);
  writeFileSync(join(world.spoolDir, 'x'), '');
  renameSync(join(world.spoolDir, 'x'), join(world.spoolDir, `${id}.hook`));
  await until(() => readdirSync(world.spoolDir).includes(`${id}.taken`));
  isFull = false;
  await until(() => heard.includes(sha) && readdirSync(world.spoolDir).length === 0);
  stop.abort();
  await watching;
});

test('credentials reach the server and no argument', needs('git'), async (context) => {
  const root = await tempDir(context);
  const work = makeRepo(join(root, 'work'));
  const sha = work.commit({ a: '1' });
  const server = await openGitHttpServer(root, `Basic ${Buffer.from('u:secret').toString('base64')}`);
  context.after(async () => {
    await server[Symbol.asyncDispose]();
  });
  const real = createGit(process.env);
  const seen: string[] = [];
  const remote = `${server.url}work`;
  const world = await openGitWorld(context, 'bare', {
    remote,
    credentials: gitCredential(new URL(server.url).origin, { username: 'u', password: 'secret' }),
    forge: {
      git: {
        run: (args, call) => {
          seen.push(...args);
          return real.run(args, call);
        },
        text: (args, call) => real.text(args, call),
      },
    },
  });
  assert.equal((await world.forge.view('demo', 'git|demo|branch/main', signal()))?.change.headSha, sha);
  assert.ok(!seen.some((arg) => arg.includes('secret')));
  const without = await openGitWorld(context, 'bare', { remote });
  await assert.rejects(without.forge.places('demo', signal()));
});

test('patterns choose branches: the last that fits decides', () => {
  const isIn = (patterns: string[], branch: string): boolean => createBranchFilter(patterns)(branch);
  assert.equal(isIn([], 'a/b'), true);
  assert.equal(isIn(['*'], 'a'), true);
  assert.equal(isIn(['*'], 'a/b'), false);
  assert.equal(isIn(['**'], 'a/b'), true);
  assert.equal(isIn(['release/*'], 'release/1'), true);
  assert.equal(isIn(['release/*'], 'release/1/2'), false);
  assert.equal(isIn(['!wip/**'], 'wip/a/b'), false);
  assert.equal(isIn(['!wip/**'], 'main'), true);
  assert.equal(isIn(['**', '!wip/**', 'wip/keep'], 'wip/keep'), true);
  assert.equal(isIn(['v?.?'], 'v1.2'), true);
  assert.equal(isIn(['a.c'], 'abc'), false);
  const began = performance.now();
  isIn([`${'*a'.repeat(40)}b`], 'a'.repeat(1000));
  assert.ok(performance.now() - began < 1000);
});

test('numbers of looks grow over restarts and over steps of the clock', async (context) => {
  const path = join(await tempDir(context), 'deep/looks');
  fc.assert(
    fc.property(
      fc.array(fc.record({ now: fc.nat(10_000_000), isRestart: fc.boolean() }), { minLength: 2 }),
      (steps) => {
        let now = 0;
        const clock = { ...systemClock, now: () => now };
        let counter = createLookCounter(path, clock);
        let last = counter.next();
        for (const step of steps) {
          now = step.now;
          if (step.isRestart) counter = createLookCounter(path, clock);
          const next = counter.next();
          assert.ok(next > last);
          last = next;
        }
      },
    ),
    { numRuns: 30 },
  );
});

function listen(forge: Forge, context: CleansUp): { readonly sha: string | null; readonly changeKey: string }[] {
  const heard: { sha: string | null; changeKey: string }[] = [];
  const stop = new AbortController();
  const watching = forge.watch(async (moved) => void heard.push(moved), stop.signal);
  context.after(() => {
    stop.abort();
    return watching;
  });
  return heard;
}
