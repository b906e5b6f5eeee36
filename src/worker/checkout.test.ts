import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkoutBench, inside, packBytes, ready } from '../../test/support/checkout-bench.ts';
import { needs } from '../../test/support/needs.ts';

test('a commit becomes a plain checkout that works without the cache', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ 'a.txt': 'one\n', 'dir/run': { script: '#!/bin/sh\n' }, link: { link: 'a.txt' } }, 'first');
  b.repo.git('tag', '-a', 'v1', '-m', 'v1');
  const sha = b.repo.commit({ 'a.txt': 'two\n' }, 'second');
  const result = ready(await b.checkout('work', { sha }));
  assert.equal(result.testedSha, sha);
  await rm(join(b.root, 'cache'), { recursive: true });
  const work = join(b.root, 'work');
  assert.equal(readFileSync(join(work, 'a.txt'), 'utf8'), 'two\n');
  assert.equal(readlinkSync(join(work, 'link')), 'a.txt');
  assert.equal(statSync(join(work, 'dir/run')).mode & 0o111, 0o111);
  assert.equal(inside(work, 'status', '--porcelain'), '');
  assert.equal(inside(work, 'rev-parse', 'HEAD'), sha);
  assert.match(inside(work, 'describe'), /^v1-1-g/);
  assert.equal(inside(work, 'fsck', '--no-dangling'), '');
  assert.deepEqual(inside(work, 'ls-files').split('\n'), ['a.txt', 'dir/run', 'link']);
});

test('the second checkout of a commit asks nobody and needs one git command', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit({ a: '1' });
  ready(await b.checkout('one', { sha }));
  await rm(b.repo.dir, { recursive: true });
  b.ran.length = 0;
  ready(await b.checkout('two', { sha }));
  assert.deepEqual(
    b.ran.map(([name]) => name),
    ['read-tree'],
  );
});

test('a change is merged with its base to the same commit everywhere', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ a: '1\n', b: '1\n' });
  b.repo.git('checkout', '-q', '-b', 'topic');
  const sha = b.repo.commit({ a: '2\n' });
  b.repo.git('checkout', '-q', 'main');
  const baseSha = b.repo.commit({ b: '2\n' });
  b.repo.git('update-ref', 'refs/pull/7/head', sha);
  const one = ready(await b.checkout('one', { sha, pull: 7, baseSha }));
  await rm(join(b.root, 'cache'), { recursive: true });
  const two = ready(await b.checkout('two', { sha, pull: 7, baseSha }));
  assert.equal(one.testedSha, two.testedSha);
  const work = join(b.root, 'two');
  assert.equal(
    inside(work, 'rev-parse', 'HEAD^1', 'HEAD^2', 'refs/remotes/origin/main'),
    `${baseSha}\n${sha}\n${baseSha}`,
  );
  assert.equal(readFileSync(join(work, 'a'), 'utf8') + readFileSync(join(work, 'b'), 'utf8'), '2\n2\n');
  assert.equal(inside(work, 'status', '--porcelain'), '');
});

test('a change is rebased onto its base to the same commit everywhere', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ a: '1\n', b: '1\n' });
  b.repo.git('checkout', '-q', '-b', 'topic');
  b.repo.commit({ a: '2\n' }, 'topic one');
  const sha = b.repo.commit({ c: '2\n' }, 'topic two');
  b.repo.git('checkout', '-q', 'main');
  const baseSha = b.repo.commit({ b: '2\n' });
  const one = ready(await b.checkout('one', { sha, baseSha, integration: 'rebase' }));
  const two = ready(await b.checkout('two', { sha, baseSha, integration: 'rebase' }));
  assert.equal(one.testedSha, two.testedSha);
  const work = join(b.root, 'two');
  assert.equal(inside(work, 'log', '--format=%s %an', `${baseSha}..`), 'topic two Ada Example\ntopic one Ada Example');
  assert.equal(inside(work, 'status', '--porcelain'), '');
  assert.equal(inside(work, 'rev-parse', 'HEAD^{tree}'), two.treeSha);
});

for (const integration of ['merge', 'rebase'] as const) {
  test(`a change that holds its base is tested as it is (${integration})`, needs('git'), async (context) => {
    const b = await checkoutBench(context);
    const baseSha = b.repo.commit({ a: '1\n' });
    const sha = b.repo.commit({ a: '2\n' });
    assert.equal(ready(await b.checkout('work', { sha, baseSha, integration })).testedSha, sha);
    assert.equal(readFileSync(join(b.root, 'work/a'), 'utf8'), '2\n');
  });

  test(
    `a conflict is the change's and names its files without control characters (${integration})`,
    needs('git'),
    async (context) => {
      const b = await checkoutBench(context);
      const evil = 'a\u001b[2J\nb';
      b.repo.commit({ [evil]: '1\n', plain: '1\n' });
      b.repo.git('checkout', '-q', '-b', 'topic');
      const sha = b.repo.commit({ [evil]: '2\n', plain: '2\n' });
      b.repo.git('checkout', '-q', 'main');
      const baseSha = b.repo.commit({ [evil]: '3\n', plain: '3\n' });
      const result = await b.checkout('work', { sha, baseSha, integration });
      assert.ok(result.kind === 'conflict', JSON.stringify(result));
      assert.equal(result.reason, 'merge-conflict');
      assert.match(result.detail, /plain/);
      assert.match(result.detail, /"a\\033\[2J\\nb"/);

      assert.doesNotMatch(result.detail + result.log, /[\u0000-\u0009\u000b-\u001f]/);
    },
  );

  test(`a change without common history is the change's failure (${integration})`, needs('git'), async (context) => {
    const b = await checkoutBench(context);
    const baseSha = b.repo.commit({ a: '1\n' });
    b.repo.git('checkout', '-q', '--orphan', 'other');
    const sha = b.repo.commit({ a: '2\n' });
    const result = await b.checkout('work', { sha, baseSha, integration });
    assert.ok(result.kind === 'conflict', JSON.stringify(result));
    assert.match(result.detail, /no history in common/);
  });
}

test('only what is new is fetched', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const noise = (seed: number): string => Array.from({ length: 4000 }, (_, i) => Math.sin(seed * 4001 + i)).join('\n');
  const first = b.repo.commit(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, noise(i)])));
  ready(await b.checkout('one', { sha: first }));
  const before = packBytes(b.cache());
  const second = b.repo.commit({ f0: 'small\n' });
  ready(await b.checkout('two', { sha: second }));
  const grown = packBytes(b.cache()) - before;
  assert.ok(before > 1_000_000, `${before} bytes at first`);
  assert.ok(grown < 2000, `${grown} bytes for one small commit`);
});

test('damage in the cache heals itself', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const noise = Array.from({ length: 4000 }, (_, i) => Math.cos(i)).join('\n');
  const sha = b.repo.commit({ big: noise, small: 'x' });
  const hurts: Record<string, (cache: string) => void> = {
    'a truncated pack': (cache) => {
      for (const name of readdirSync(join(cache, 'objects/pack'))) {
        if (name.endsWith('.pack')) truncateSync(join(cache, 'objects/pack', name), 200);
      }
    },
    'bytes turned over': (cache) => {
      for (const name of readdirSync(join(cache, 'objects/pack'))) {
        if (!name.endsWith('.pack')) continue;
        const path = join(cache, 'objects/pack', name);
        const bytes = readFileSync(path);
        bytes.fill(0x55, 200, bytes.length - 100);
        execFileSync('chmod', ['u+w', path]);
        writeFileSync(path, bytes);
      }
    },
    'no packs': (cache) => execFileSync('rm', ['-rf', join(cache, 'objects/pack')]),
    'garbage for refs': (cache) => {
      writeFileSync(join(cache, 'packed-refs'), 'garbage\0\0');
      writeFileSync(join(cache, 'refs/wanted', sha), 'garbage\0\0');
    },
    'a ref that a loss of power left empty': (cache) => {
      writeFileSync(join(cache, 'refs/wanted', sha), '');
    },
    'no HEAD': (cache) => execFileSync('rm', [join(cache, 'HEAD')]),
    'an empty configuration': (cache) => writeFileSync(join(cache, 'config'), ''),
    'a file in its place': (cache) => execFileSync('sh', ['-c', 'rm -rf "$1"; : > "$1"', 'sh', cache]),
    'stale locks': (cache) => {
      execFileSync('rm', [join(cache, 'refs/wanted', sha)]);
      for (const name of ['packed-refs.lock', 'HEAD.lock', 'config.lock', `refs/incoming/${sha}.lock`]) {
        execFileSync('mkdir', ['-p', join(cache, 'refs/incoming')]);
        writeFileSync(join(cache, name), '');
      }
    },
    'half a creation': (cache) => execFileSync('sh', ['-c', 'rm -rf "$1"; mkdir -p "$1.part/objects"', 'sh', cache]),
  };
  for (const [name, hurt] of Object.entries(hurts)) {
    ready(await b.checkout(`before ${name}`, { sha }));
    hurt(b.cache());
    const result = await b.checkout(`after ${name}`, { sha });
    assert.equal(result.kind, 'ready', `${name}: ${JSON.stringify(result)}`);
    assert.equal(readFileSync(join(b.root, `after ${name}`, 'big'), 'utf8'), noise, name);
    assert.equal(inside(join(b.root, `after ${name}`), 'fsck', '--no-dangling'), '', name);
  }
  assert.deepEqual(
    readdirSync(join(b.root, 'cache')).filter((name) => name.includes('trash')),
    [],
  );
});

test('a large repository gives a shallow checkout with the newest commits and tags', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const random = execFileSync('head', ['-c', String(50 * 1024 * 1024), '/dev/urandom'], { maxBuffer: 1 << 28 });
  b.repo.commit({ blob: 'x' }, 'first');
  b.repo.git('tag', 'old');
  writeFileSync(join(b.repo.dir, 'blob'), random);
  b.repo.commit({ a: '0' }, 'with the blob');
  b.repo.commit({ blob: null }, 'without the blob');
  for (let i = 0; i < 110; i += 1) b.repo.git('commit', '-q', '--allow-empty', '-m', `c${i}`);
  b.repo.git('tag', '-a', 'new', '-m', 'new');
  const sha = b.repo.commit({ a: 'x' });
  const result = ready(await b.checkout('work', { sha }));
  await rm(join(b.root, 'cache'), { recursive: true });
  const work = join(b.root, 'work');
  assert.equal(result.testedSha, sha);
  assert.equal(inside(work, 'rev-list', '--count', 'HEAD'), '100');
  assert.match(inside(work, 'describe'), /^new-1-g/);
  assert.equal(inside(work, 'tag'), 'new');
  assert.equal(inside(work, 'fsck', '--no-dangling'), '');
  assert.equal(inside(work, 'status', '--porcelain'), '');
  assert.ok(packBytes(join(work, '.git')) < 1024 * 1024);
});

test("a remote that is not there, or has no such commit, is the machinery's failure", needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit({ a: '1' });
  const gone = await b.checkout('gone', { sha, cloneUrl: join(b.root, 'nowhere') });
  assert.ok(gone.kind === 'broken' && gone.cause === 'checkout' && gone.retry === 'later', JSON.stringify(gone));
  const absent = await b.checkout('absent', { sha: 'f'.repeat(40) });
  assert.ok(absent.kind === 'broken' && absent.retry === 'later', JSON.stringify(absent));
  for (const cloneUrl of [
    'ext::sh -c touch% /tmp/never',
    '-uevil',
    '--upload-pack=evil',
    'ssh://-oProxyCommand=evil/x',
    'x y',
    '',
  ]) {
    const refused = await b.checkout('refused', { sha, cloneUrl });
    assert.ok(refused.kind === 'broken' && refused.retry === 'never', JSON.stringify(refused));
  }
});

test('eight checkouts at once fetch once', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit({ a: '1' });
  const results = await Promise.all(Array.from({ length: 8 }, (_, i) => b.checkout(`work${i}`, { sha })));
  assert.ok(
    results.every(({ kind }) => kind === 'ready'),
    JSON.stringify(results),
  );
  assert.equal(b.ran.filter(([name]) => name === 'fetch').length, 1);
});

test('a stopped checkout ends at once', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit({ a: '1' });
  const result = await b.checkout('work', { sha, signal: AbortSignal.abort() });
  assert.ok(result.kind === 'broken' && result.retry === 'never', JSON.stringify(result));
});

test('a repository with SHA-256 ids is checked out too', needs('git'), async (context) => {
  const b = await checkoutBench(context, '--object-format=sha256');
  b.repo.commit({ a: '1\n', b: '1\n' });
  b.repo.git('checkout', '-q', '-b', 'topic');
  const sha = b.repo.commit({ a: '2\n' });
  b.repo.git('checkout', '-q', 'main');
  const baseSha = b.repo.commit({ b: '2\n' });
  const result = ready(await b.checkout('work', { sha, baseSha }));
  assert.equal(result.testedSha.length, 64);
  assert.equal(inside(join(b.root, 'work'), 'status', '--porcelain'), '');
});

test('the files of a checkout share nothing with the cache', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit({ a: '1' });
  ready(await b.checkout('work', { sha }));
  for (const name of readdirSync(join(b.root, 'work/.git/objects/pack'))) {
    assert.equal(lstatSync(join(b.root, 'work/.git/objects/pack', name)).nlink, 1);
  }
});
