import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CleansUp, tempDir } from '../../test/support/temp-dir.ts';
import { isImageReference, parseContainerFile, readContainerFile } from './container-file.ts';
import { findEntryPoint } from './entry-point.ts';

async function tree(
  context: CleansUp,
  files: Readonly<Record<string, string | { readonly to: string }>>,
  mode = 0o755,
): Promise<string> {
  const dir = join(await tempDir(context), 'tree');
  for (const [name, file] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    if (typeof file === 'string') writeFileSync(join(dir, name), file, { mode });
    else symlinkSync(file.to, join(dir, name));
  }
  mkdirSync(dir, { recursive: true });
  return dir;
}

test('our own entry point comes before the others', async (context) => {
  const dir = await tree(context, { 'test/run': '', '.cockpit-ci/run': '', '.groundcrew/run': '' });
  assert.deepEqual(await findEntryPoint(dir), { kind: 'command', command: ['./.groundcrew/run'] });
});

test('an entry point may be a link inside the tree, also by a linked directory', async (context) => {
  const dir = await tree(context, { 'ci/go': '', '.groundcrew/run': { to: '../ci/go' } });
  assert.deepEqual(await findEntryPoint(dir), { kind: 'command', command: ['./.groundcrew/run'] });
  const other = await tree(context, { 'ci/run': '', test: { to: 'ci' } });
  assert.deepEqual(await findEntryPoint(other), { kind: 'command', command: ['./test/run'] });
});

test('an entry point that is not executable says how to mend it', async (context) => {
  const found = await findEntryPoint(await tree(context, { 'test/run': '' }, 0o644));
  assert.ok(found.kind === 'bad');
  assert.match(found.detail, /git update-index --chmod=\+x test\/run/);
});

test('nothing to run names what was looked for', async (context) => {
  const found = await findEntryPoint(await tree(context, {}));
  assert.ok(found.kind === 'none');
  assert.match(found.detail, /\.groundcrew\/run \(or \.cockpit-ci\/run, test\/run\)/);
});

test('links to outside, into .git, to nothing and in circles are refused', async (context) => {
  for (const link of ['/etc/passwd', '../../tree/../secret', '../.git/config', 'nothing', 'run']) {
    const dir = await tree(context, { '.groundcrew/run': { to: link }, '.git/config': 'x', '../secret': 'x' });
    assert.equal((await findEntryPoint(dir)).kind, 'bad', link);
  }
  const dir = await tree(context, { '.groundcrew/container': { to: '/etc/hostname' } });
  const found = await readContainerFile(dir);
  assert.deepEqual(found, { kind: 'bad', detail: '.groundcrew/container is a link to outside of the repository' });
});

test('a container file is one image among comments and empty lines', async (context) => {
  const dir = await tree(context, { '.cockpit-ci/container': '# where we test\n\n  quay.io/a/b:2026  \r\n' });
  assert.deepEqual(await readContainerFile(dir), {
    kind: 'image',
    image: 'quay.io/a/b:2026',
    file: '.cockpit-ci/container',
  });
  assert.deepEqual(await readContainerFile(await tree(context, {})), { kind: 'none' });
});

test('a container file with anything else is bad', async (context) => {
  for (const text of [
    '',
    '# only\n',
    'a\nb\n',
    '-v/:/host',
    'a b',
    'docker-archive:/etc/passwd',
    '/etc',
    'dir:/x',
    'a'.repeat(9000),
    'x\u0000y',
    '../up',
  ]) {
    const dir = await tree(context, { '.groundcrew/container': text });
    assert.equal((await readContainerFile(dir)).kind, 'bad', JSON.stringify(text.slice(0, 20)));
  }
  const folder = await tree(context, { '.groundcrew/container/x': '' });
  assert.deepEqual(await readContainerFile(folder), { kind: 'bad', detail: '.groundcrew/container is a directory' });
});

test('image references are told from everything else', () => {
  const digest = `sha256:${'0a'.repeat(32)}`;
  for (const good of [
    'a',
    'a:1',
    'localhost/bb:1',
    'localhost:5000/a/b_c--d:T.1',
    `quay.io/x/y@${digest}`,
    `a.b:80/c:v@${digest}`,
    'Registry.Example.org/a',
  ]) {
    assert.equal(isImageReference(good), true, good);
  }
  for (const bad of [
    '',
    '-a',
    'A',
    'a:',
    'a@',
    'a//b',
    '/a',
    'a/',
    'http://a/b',
    `a@${digest}x`,
    'a:b:c',

    'a\nb',
    'a;b',
    '$(x)',
    '-x.y/a',
  ]) {
    assert.equal(isImageReference(bad), false, JSON.stringify(bad));
  }
});

test('whatever a container file holds, an accepted image is one safe word', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z:/@.-]{1,20}$/)),
      (text) => {
        const parsed = parseContainerFile(text);
        if (parsed.kind === 'image') assert.match(parsed.image, /^[A-Za-z0-9][\w./:@+-]*$/);
        else assert.match(parsed.detail, /^[\u0020-\u007e]+$/);
      },
    ),
  );
});
