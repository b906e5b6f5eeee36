import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkoutBench, ready } from '../../test/support/checkout-bench.ts';
import type { TestRepo } from '../../test/support/git-repo.ts';
import { needs } from '../../test/support/needs.ts';

test('hooks, filters and attributes of the repository run nothing', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const mark = join(b.root, 'ran');
  for (const hook of ['post-checkout', 'pre-rebase', 'post-rewrite', 'reference-transaction', 'post-index-change']) {
    b.repo.git('config', `filter.evil.smudge`, `touch ${mark}`);
    writeFileSync(join(b.repo.dir, '.git/hooks', hook), `#!/bin/sh\ntouch ${mark}-${hook}\n`, { mode: 0o755 });
  }
  b.repo.git('config', 'core.fsmonitor', `touch ${mark}-fsmonitor`);
  b.repo.git('config', 'uploadpack.packObjectsHook', `touch ${mark}-pack`);
  const sha = b.repo.commit({
    '.gitattributes': '* filter=evil diff=evil merge=evil\n',
    '.lfsconfig': '[lfs]\n',
    a: 'x',
  });
  for (const file of readdirSync(b.root)) if (file.startsWith('ran')) await rm(join(b.root, file));
  ready(await b.checkout('work', { sha }));
  assert.equal(readFileSync(join(b.root, 'work/a'), 'utf8'), 'x');
  assert.deepEqual(readdirSync(b.root).sort(), ['cache', 'origin', 'work']);
  assert.equal(existsSync(join(b.root, 'work/.git/hooks')), false);
});

test('a submodule stays an empty directory and its address is never asked', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  const first = b.repo.commit({
    '.gitmodules': '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch /tmp/never"\n',
  });
  b.repo.git('update-index', '--add', '--cacheinfo', `160000,${first},x`);
  b.repo.git('commit', '-q', '-m', 'submodule');
  ready(await b.checkout('work', { sha: b.repo.git('rev-parse', 'HEAD') }));
  assert.deepEqual(readdirSync(join(b.root, 'work/x')), []);
});

/** A commit of a tree that no honest git would make. */
function forge(
  repo: TestRepo,
  entries: readonly (readonly [mode: string, type: string, sha: string, name: string])[],
): string {
  const raw = Buffer.concat(
    entries.map(([mode, , sha, name]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, 'hex')])),
  );
  const file = join(repo.dir, '.git/raw-tree');
  writeFileSync(file, raw);
  const tree = repo.git('hash-object', '-t', 'tree', '-w', '--literally', file);
  const commit = repo.git('commit-tree', '-m', 'forged', tree);
  repo.git('update-ref', 'refs/heads/main', commit);
  return commit;
}

test("trees that reach outside or into .git are refused as the change's failure", needs('git'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ a: 'x' });
  const blob = b.repo.git('rev-parse', 'HEAD:a');
  const names = ['.git', '.GIT', '.git ', 'git~1', '.g\u200cit', '..', 'a/../../b', `long-${'x'.repeat(300)}`];
  for (const [index, name] of names.entries()) {
    const sha = forge(b.repo, [['100644', 'blob', blob, name]]);
    const result = await b.checkout(`work${index}`, { sha });
    assert.ok(result.kind === 'conflict', `${JSON.stringify(name)}: ${JSON.stringify(result)}`);
  }
  assert.deepEqual(
    readdirSync(b.root).filter((name) => !/^(?:work\d|cache|origin)$/.test(name)),
    [],
  );
});

test('nothing is written through a link of the tree', needs('git'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ a: 'x' });
  const blob = b.repo.git('rev-parse', 'HEAD:a');
  writeFileSync(join(b.repo.dir, '.git/target'), '..');
  const link = b.repo.git('hash-object', '-w', '.git/target');
  const sub = b.repo.git('mktree', '--missing');
  const inner = forge(b.repo, [['100644', 'blob', blob, 'escaped']]);
  const innerTree = b.repo.git('rev-parse', `${inner}^{tree}`);
  // The same name twice: a link to the parent directory and a directory with a file.
  const sha = forge(b.repo, [
    ['120000', 'blob', link, 'd'],
    ['40000', 'tree', innerTree, 'd'],
  ]);
  assert.notEqual(sub, '');
  await b.checkout('work', { sha });
  assert.equal(existsSync(join(b.root, 'escaped')), false);
});

test('a tree that unfolds without end is stopped and blamed on the change', needs('git', 'linux'), async (context) => {
  const b = await checkoutBench(context);
  b.repo.commit({ a: 'x' });
  let tree = b.repo.git('rev-parse', 'HEAD^{tree}');
  let commit = '';
  for (let level = 0; level < 12; level += 1) {
    commit = forge(
      b.repo,
      Array.from({ length: 10 }, (_, index) => ['40000', 'tree', tree, `d${index}`] as const),
    );
    tree = b.repo.git('rev-parse', `${commit}^{tree}`);
  }
  const result = await b.checkout('work', { sha: commit });
  assert.ok(result.kind === 'conflict', JSON.stringify(result));
});

test("a tree beyond the job's room is stopped and blamed on the change", needs('git', 'linux'), async (context) => {
  const b = await checkoutBench(context);
  const sha = b.repo.commit(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, 'x'.repeat(65536)])));
  const result = await b.checkout('work', { sha, maxBytes: 1024 * 1024 });
  assert.ok(result.kind === 'conflict' && result.reason === 'disk-limit', JSON.stringify(result));
});
