import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGitHttpServer } from '../../test/support/git-http-server.ts';
import { makeRepo, type TestRepo } from '../../test/support/git-repo.ts';
import { needs } from '../../test/support/needs.ts';
import { type CleansUp, tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from './clock.ts';
import { isGroundcrewError } from './errors.ts';
import { createGit, type Git } from './git.ts';
import { createGitMirrors, type GitMirrors } from './git-mirror.ts';
import { readPackedRefs } from './git-mirror-files.ts';
import { tryProcessLock } from './process-lock.ts';

interface Bench {
  readonly root: string;
  readonly cacheDir: string;
  readonly repo: TestRepo;
  readonly mirrors: GitMirrors;
}

async function bench(context: CleansUp, depth: number | null = null): Promise<Bench> {
  const root = await tempDir(context);
  const cacheDir = join(root, 'cache');
  const mirrors = createGitMirrors({ git: createGit(process.env), cacheDir, depth, clock: systemClock });
  return { root, cacheDir, repo: makeRepo(join(root, 'origin')), mirrors };
}

const failsWith =
  (code: `git/${string}`) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, code);
const signal = (): AbortSignal => AbortSignal.timeout(60_000);
const mirrorOf = (b: Bench): string =>
  join(b.cacheDir, readdirSync(b.cacheDir).find((name) => name.endsWith('.git')) ?? '');

test('a commit comes with its tree and date, and is kept by a ref', needs('git'), async (context) => {
  const b = await bench(context);
  const sha = b.repo.commit({ a: '1' });
  const view = await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
  const commit = view.commits.get(sha);
  assert.equal(commit?.treeSha, b.repo.git('rev-parse', 'HEAD^{tree}'));
  assert.equal(commit.committedAt, Number(b.repo.git('log', '-1', '--format=%ct')));
  assert.equal(readFileSync(join(view.gitDir, 'refs/wanted', sha), 'utf8'), `${sha}\n`);
});

test('a git that was killed while it packed refs is no obstacle', needs('git'), async (context) => {
  const b = await bench(context);
  b.repo.commit({ a: '1' });
  await b.mirrors.ensure(b.repo.dir, [{ sha: b.repo.git('rev-parse', 'HEAD'), refs: [] }], { signal: signal() });
  for (const left of [['packed-refs.lock'], ['packed-refs.lock', 'packed-refs.new'], ['packed-refs.new']]) {
    for (const name of left) writeFileSync(join(mirrorOf(b), name), '');
    const sha = b.repo.commit({ a: left.join() });
    // Tags are packed at once.
    b.repo.git('tag', left.join('-').replaceAll('.', '-'));
    assert.ok((await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() })).commits.has(sha));
  }
});

test(
  'whoever finds a commit finds the tags that came with it, whenever the one who fetched it is killed',
  needs('git'),
  async (context) => {
    const b = await bench(context);
    const sha = b.repo.commit({ a: '1' });
    b.repo.git('tag', 'v1');
    const real = createGit(process.env);
    const git: Git = {
      run: (args, call) => real.run(args, call),
      text: async (args, call) => {
        if (args[0] === 'pack-refs') throw new Error('killed');
        return await real.text(args, call);
      },
    };
    const { cacheDir } = b;
    const killed = createGitMirrors({ git, cacheDir, depth: null, clock: systemClock });
    await assert.rejects(killed.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() }), /killed/);
    const { gitDir } = await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
    assert.equal((await readPackedRefs(gitDir)).get('refs/tags/v1')?.sha, sha);
  },
);

test('a commit that no branch shows any more is still fetched by its id', needs('git'), async (context) => {
  const b = await bench(context);
  const sha = b.repo.commit({ a: '1' });
  b.repo.git('commit', '-q', '--amend', '-m', 'other');
  assert.ok((await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() })).commits.has(sha));
});

test('a server that gives only what has a name is asked by name', needs('git'), async (context) => {
  const b = await bench(context);
  const old = b.repo.commit({ a: '1' });
  const sha = b.repo.commit({ a: '2' });
  b.repo.git('update-ref', 'refs/pull/5/head', sha);
  b.repo.git('commit', '-q', '--amend', '-m', 'other');
  const server = await openGitHttpServer(b.root, undefined, { isOldProtocol: true });
  context.after(async () => {
    await server[Symbol.asyncDispose]();
  });
  const remote = `${server.url}origin/.git`;
  const wants = [{ sha: old, refs: ['refs/heads/gone', 'refs/pull/5/head'] }];
  assert.ok((await b.mirrors.ensure(remote, wants, { signal: signal() })).commits.has(old));
  const elsewhere = [{ sha: b.repo.git('commit-tree', '-m', 'x', 'HEAD^{tree}'), refs: ['refs/heads/main'] }];
  await assert.rejects(b.mirrors.ensure(remote, elsewhere, { signal: signal() }), failsWith('git/no-commit'));
});

test('a fetch that is killed in the middle leaves nothing that hurts', needs('git'), async (context) => {
  const b = await bench(context);
  const noise = (seed: number): string => Array.from({ length: 3000 }, (_, i) => Math.sin(seed * 3001 + i)).join('\n');
  const first = b.repo.commit({ start: noise(0) });
  await b.mirrors.ensure(b.repo.dir, [{ sha: first, refs: [] }], { signal: signal() });
  const sha = b.repo.commit(Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`f${i}`, noise(i)])));
  const child = join(b.root, 'child.ts');
  writeFileSync(
    child,
    `import { createGit } from ${JSON.stringify(join(import.meta.dirname, 'git.ts'))};
     import { createGitMirrors } from ${JSON.stringify(join(import.meta.dirname, 'git-mirror.ts'))};
     import { systemClock } from ${JSON.stringify(join(import.meta.dirname, 'clock.ts'))};
     const mirrors = createGitMirrors({ git: createGit(process.env), cacheDir: ${JSON.stringify(b.cacheDir)}, depth: null, clock: systemClock });
     await mirrors.ensure(${JSON.stringify(b.repo.dir)}, [{ sha: ${JSON.stringify(sha)}, refs: [] }], { signal: AbortSignal.timeout(60000) });`,
  );
  for (const pauseMs of [150, 200, 250, 300]) {
    const worker = spawn(process.execPath, [child], { stdio: 'ignore' });
    const ended = once(worker, 'exit');
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, pauseMs))]);
    worker.kill('SIGKILL');
    await ended;
    // The git below it lives in a group of its own; the next fetch has to get along with it, dead or dying.
    const view = await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
    execFileSync('git', ['fsck', '--no-dangling'], { cwd: view.gitDir, stdio: 'ignore' });
    await rm(b.cacheDir, { recursive: true });
    await b.mirrors.ensure(b.repo.dir, [{ sha: first, refs: [] }], { signal: signal() });
  }
});

test('another process at the same mirror is waited for, until we are stopped', needs('git'), async (context) => {
  const b = await bench(context);
  const first = b.repo.commit({ a: '1' });
  await b.mirrors.ensure(b.repo.dir, [{ sha: first, refs: [] }], { signal: signal() });
  const sha = b.repo.commit({ a: '2' });
  const lock = tryProcessLock(`${mirrorOf(b)}.lock`);
  assert.ok(lock !== null);
  const stop = new AbortController();
  const stopped = b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: stop.signal });
  const waiting = b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
  stop.abort();
  await assert.rejects(stopped, failsWith('git/aborted'));
  // What is there already needs no lock.
  await b.mirrors.ensure(b.repo.dir, [{ sha: first, refs: [] }], { signal: signal() });
  await lock.release();
  assert.ok((await waiting).commits.has(sha));
});

test('many fetches leave few packs and refs, and everything readable', needs('git'), async (context) => {
  const b = await bench(context);
  const shas: string[] = [];
  for (let i = 0; i < 45; i += 1) {
    const sha = b.repo.commit({ [`f${i}`]: String(i) });
    shas.push(sha);
    await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
  }
  const packs = readdirSync(join(mirrorOf(b), 'objects/pack')).filter((name) => name.endsWith('.pack'));
  assert.ok(packs.length <= 11, `${packs.length} packs`);
  const loose = readdirSync(join(mirrorOf(b), 'refs/wanted'));
  assert.ok(loose.length <= 20, `${loose.length} refs`);
  await rm(b.repo.dir, { recursive: true });
  const view = await b.mirrors.ensure(
    b.repo.dir,
    shas.map((sha) => ({ sha, refs: [] })),
    { signal: signal() },
  );
  assert.equal(view.commits.size, 45);
});

test('a mirror of depth 1 holds no history', needs('git'), async (context) => {
  const b = await bench(context, 1);
  b.repo.commit({ a: '1' });
  const sha = b.repo.commit({ a: '2' });
  const view = await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
  assert.equal(execFileSync('git', ['rev-list', '--count', sha], { cwd: view.gitDir }).toString().trim(), '1');
});

test('a remote that is away does not cost the mirror', needs('git'), async (context) => {
  const b = await bench(context);
  const sha = b.repo.commit({ a: '1' });
  await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() });
  await rm(b.repo.dir, { recursive: true });
  await assert.rejects(
    b.mirrors.ensure(b.repo.dir, [{ sha: 'b'.repeat(40), refs: [] }], { signal: signal() }),
    failsWith('git/unreachable'),
  );
  assert.ok((await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], { signal: signal() })).commits.has(sha));
});

test('names that are none are refused before git sees them', needs('git'), async (context) => {
  const b = await bench(context);
  for (const want of [
    { sha: '--all', refs: [] },
    { sha: 'HEAD', refs: [] },
    { sha: 'a'.repeat(40), refs: ['--upload-pack=x'] },
  ]) {
    await assert.rejects(b.mirrors.ensure(b.repo.dir, [want], { signal: signal() }), failsWith('git/bad-name'));
  }
});

test('progress is heard in clean lines', needs('git'), async (context) => {
  const b = await bench(context);
  const sha = b.repo.commit({ a: '1' });
  const lines: string[] = [];
  await b.mirrors.ensure(b.repo.dir, [{ sha, refs: [] }], {
    signal: signal(),
    progress: (line) => void lines.push(line),
  });
  await until(() => lines.length > 0);
  assert.ok(
    lines.every((line) => /^[^\p{Cc}]+$/u.test(line)),
    JSON.stringify(lines),
  );
});
