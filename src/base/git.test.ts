import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeRepo } from '../../test/support/git-repo.ts';
import { needs } from '../../test/support/needs.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { isGroundcrewError } from './errors.ts';
import { createGit, gitComplaint, plain } from './git.ts';
import { assertSafeRemote, isBranchName, isObjectId, isRefName, shownRemote } from './git-names.ts';

const failsWith =
  (code: `git/${string}`) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, code);

test('nothing of the user or the environment reaches git', needs('git'), async (context) => {
  const home = await tempDir(context);
  writeFileSync(join(home, '.gitconfig'), '[alias]\n\tx = !touch ran\n[user]\n\tname = Eve\n');
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.hooksPath',
    GIT_CONFIG_VALUE_0: home,
    GIT_DIR: '/nonexistent',
    GIT_EXEC_PATH: home,
    GIT_TRACE: join(home, 'trace'),
    LD_PRELOAD: '/nonexistent',
  };
  const git = createGit(env);
  const listed = await git.text(['config', '--list', '--show-scope'], { cwd: home });
  assert.deepEqual(
    listed.split('\n').filter((line) => line !== '' && !line.startsWith('command\t')),
    [],
  );
  assert.notEqual((await git.run(['x'], { cwd: home })).exitCode, 0);
  assert.equal(existsSync(join(home, 'trace')), false);
});

test("a repository's own configuration does not make git run anything", needs('git'), async (context) => {
  const dir = await tempDir(context);
  const repo = makeRepo(join(dir, 'repo'));
  const sha = repo.commit({ a: '1', '.gitattributes': '* filter=evil diff=evil merge=evil\n' });
  const evil = join(dir, 'evil');
  writeFileSync(evil, `#!/bin/sh\necho "$0 $*" >>${dir}/ran\n`);
  chmodSync(evil, 0o755);
  mkdirSync(join(repo.dir, '.git/hooks'), { recursive: true });
  for (const hook of ['post-checkout', 'post-index-change', 'reference-transaction', 'pre-auto-gc']) {
    execFileSync('cp', [evil, join(repo.dir, '.git/hooks', hook)]);
  }
  for (const key of [
    'core.fsmonitor',
    'core.sshCommand',
    'core.pager',
    'core.editor',
    'credential.helper',
    'gpg.program',
  ]) {
    repo.git('config', key, evil);
  }
  execFileSync('rm', ['-f', join(dir, 'ran')]);
  const git = createGit(process.env);
  const call = { gitDir: join(repo.dir, '.git'), workTree: repo.dir, cwd: repo.dir };
  await git.text(['status', '--porcelain'], call);
  await git.text(['for-each-ref'], call);
  await git.text(['update-ref', 'refs/heads/new', sha], call);
  await git.text(['read-tree', '--reset', '-u', sha], call);
  await git.text(['rev-list', '--no-walk', '--format=%G?', sha], call);
  await git.text(['gc', '--auto'], call);
  assert.equal(existsSync(join(dir, 'ran')), false);
});

test('transports that run programs are refused by git itself too', needs('git'), async (context) => {
  const dir = await tempDir(context);
  const git = createGit(process.env);
  for (const remote of [`ext::sh -c touch% ${dir}/ran`, `fd::17`, `sh::x`]) {
    assert.notEqual((await git.run(['ls-remote', remote], { cwd: dir })).exitCode, 0);
  }
  assert.equal(existsSync(join(dir, 'ran')), false);
});

test('a git that takes too long, is stopped, fails or talks too much is told apart', needs('git'), async (context) => {
  const cwd = await tempDir(context);
  const git = createGit(process.env);
  const slow = ['-c', 'alias.wait=!sleep 60', 'wait'];
  await assert.rejects(git.run(slow, { cwd, timeoutMs: 50 }), failsWith('git/timeout'));
  await assert.rejects(git.run(slow, { cwd, signal: AbortSignal.timeout(50) }), failsWith('git/aborted'));
  await assert.rejects(git.text(['rev-parse', 'HEAD'], { cwd }), failsWith('git/failed'));
  await assert.rejects(git.text(['help', '-a'], { cwd, maxOutputBytes: 10 }), failsWith('git/too-much-output'));
  await assert.rejects(createGit({ PATH: cwd }).run(['version'], { cwd }), failsWith('git/not-found'));
  await assert.rejects(git.run(['version'], { cwd: join(cwd, 'gone') }), failsWith('git/not-found'));
});

test('a limit of memory holds for git and its children', needs('git', 'linux'), async (context) => {
  const cwd = await tempDir(context);
  const git = createGit(process.env);
  const limit = ['-c', 'alias.limit=!ulimit -d', 'limit'];
  assert.equal(await git.text(limit, { cwd, memoryBytes: 64 * 1024 * 1024 }), '65536\n');
});

test('what git complains about is one clean line', () => {
  const complaint = (text: string): string => gitComplaint({ stderr: Buffer.from(text) });
  assert.equal(complaint('warning: x\nfatal: bad \u001b[31mthing\n more\n'), 'fatal: bad  [31mthing');
  assert.equal(complaint('remote: hello\r\nlast\n'), 'last');
  assert.equal(complaint(''), '');
  assert.equal(plain('to https://me:secret@host/x failed'), 'to https://host/x failed');
  assert.equal(shownRemote('https://me:secret@host/x'), 'https://host/x');
  assert.equal(plain('a\u202eb\u2028c\u0000d'), 'a b c d');
});

test('ids are full and lower case', () => {
  assert.equal(isObjectId('a'.repeat(40)) && isObjectId('0'.repeat(64)), true);
  for (const bad of ['', 'HEAD', 'a'.repeat(39), 'A'.repeat(40), `-${'a'.repeat(39)}`, `${'a'.repeat(40)}\n`]) {
    assert.equal(isObjectId(bad), false, bad);
  }
});

test('every ref name that we accept is one that git accepts', needs('git'), () => {
  const parts = fc.constantFrom(
    'a',
    'x.lock',
    '.',
    '..',
    '-',
    '/',
    '//',
    '@',
    '@{',
    '~',
    '^',
    ':',
    '?',
    '*',
    '[',
    '\\',
    ' ',
    '\t',
    '\u007f',
    'ü',
    '$(x)',
    ';',
    '"',
    "'",
    'HEAD',
  );
  const name = fc.oneof(
    fc.array(parts, { maxLength: 6 }).map((list) => list.join('')),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  fc.assert(
    fc.property(name, (text) => {
      const full = `refs/heads/${text}`;
      if (text.includes('\0')) return !isRefName(full);
      const git = spawnSync('git', ['check-ref-format', full]).status === 0;
      // Stricter is allowed, laxer is not.
      return git || !isRefName(full);
    }),
    { numRuns: 150 },
  );
  assert.equal(isRefName('refs/heads/feature/x-1.2_y@z$(a);b'), true);
  assert.equal(isRefName(`refs/heads/${'x'.repeat(2000)}`), false);
  assert.equal(isBranchName('-x') || isBranchName('HEAD') || isBranchName('') || isBranchName('a b'), false);
  assert.equal(isBranchName('main'), true);
});

test('only addresses that cannot run anything pass', () => {
  for (const good of [
    '/srv/git/a b.git',
    'https://example.org/a',
    'http://h:80/a',
    'ssh://git@h:22/a',
    'git://h/a',
    'file:///srv/a',
    'git@example.org:a/b.git',
    'HTTPS://example.org/a',
  ]) {
    assert.doesNotThrow(() => assertSafeRemote(good), good);
  }
  for (const bad of [
    '',
    '-u',
    '--upload-pack=x',
    'relative',
    './x',
    'ext::sh',
    'fd::3',
    'file::x',
    'ext://x',
    'ftp://x/y',
    'ssh://-oProxyCommand=x/y',
    'ssh://a@-oX/y',
    '-oX:path',
    'a@-oX:path',
    'https:///x',
    'a\nb:c',
    '/a\0b',
    'x'.repeat(5000),
  ]) {
    assert.throws(() => assertSafeRemote(bad), failsWith('git/bad-url'), bad);
  }
});
