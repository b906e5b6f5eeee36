import assert from 'node:assert/strict';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type CleansUp, tempDir } from '../../test/support/temp-dir.ts';
import { readAttemptOrder } from './attempt-order.ts';

async function tree(t: CleansUp, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempDir(t);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
    if (name.endsWith('run')) await chmod(join(dir, name), 0o755);
  }
  return dir;
}

const plain = { command: null, container: null };

test("the job's own command and image go before what the repository says", async (t) => {
  const dir = await tree(t, { 'test/run': '', '.groundcrew/container': 'quay.io/a/b:1' });
  assert.deepEqual(await readAttemptOrder({ command: ['make'], container: 'quay.io/c/d' }, dir, 'quay.io/e/f'), {
    kind: 'run',
    command: ['make'],
    image: 'quay.io/c/d',
  });
});

test("the repository's own files go before the worker's default", async (t) => {
  const files = { 'test/run': '', '.cockpit-ci/run': '', '.cockpit-ci/container': '# why\nquay.io/a/b:1\n' };
  assert.deepEqual(await readAttemptOrder(plain, await tree(t, files), 'quay.io/e/f'), {
    kind: 'run',
    command: ['./.cockpit-ci/run'],
    image: 'quay.io/a/b:1',
  });
  assert.deepEqual(await readAttemptOrder(plain, await tree(t, { 'test/run': '' }), 'quay.io/e/f'), {
    kind: 'run',
    command: ['./test/run'],
    image: 'quay.io/e/f',
  });
  const bare = await readAttemptOrder(plain, await tree(t, { 'test/run': '' }), null);
  assert.equal(bare.kind === 'run' && bare.image, null);
});

test('what only the change can mend is its failure, with a line that says how', async (t) => {
  const nothing = await readAttemptOrder(plain, await tree(t, {}), null);
  assert.deepEqual([nothing.kind, nothing.kind === 'failed' && nothing.reason], ['failed', 'nothing-to-run']);
  const bad = await readAttemptOrder(plain, await tree(t, { 'test/run': '', '.groundcrew/container': '' }), 'x');
  assert.deepEqual(bad, {
    kind: 'failed',
    reason: 'container-file',
    detail: '.groundcrew/container: it names no image',
  });
});

test('a link that leads out of the checkout is not followed', async (t) => {
  const dir = await tree(t, { 'test/run': '' });
  await mkdir(join(dir, '.groundcrew'));
  await symlink('/etc/hostname', join(dir, '.groundcrew/container'));
  const order = await readAttemptOrder(plain, dir, null);
  assert.equal(order.kind === 'failed' && order.reason, 'container-file');
});
