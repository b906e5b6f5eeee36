import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Holding } from '../core/worker-message.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { attemptDir, listAttempts } from './attempt-dir.ts';

const nonce = '0123456789abcdef';
const holding: Holding = {
  envelope: {
    v: 1,
    job: anOrder(),
    generation: 2,
    n: 3,
    baseSha: null,
    cloneUrl: '/src/demo',
    avoid: [],
    traceId: 't',
    signature: 'a'.repeat(64),
  },
  nonce,
};

test('what is kept is found by the next life', async (t) => {
  const root = await tempDir(t);
  const dir = attemptDir(root, nonce);
  assert.equal(await dir.holding(), null);
  assert.equal(await dir.started(), null);
  assert.equal(await dir.end(), null);
  await dir.keepHolding(holding);
  const end = {
    outcome: { kind: 'passed' },
    startedAt: 1,
    endedAt: 2,
    testedSha: null,
    imageDigest: null,
    peakMemoryBytes: null,
    oom: 'no',
  } as const;
  await dir.keepEnd(end);
  const again = attemptDir(root, nonce);
  assert.deepEqual(await again.holding(), holding);
  assert.deepEqual(await again.end(), end);
  assert.deepEqual(await listAttempts(root), [nonce]);
  assert.deepEqual((await readdir(dir.dir)).sort(), ['end.json', 'holding.json'], 'no draft is left');
});

test('half a file, or one of another shape, counts as none', async (t) => {
  const root = await tempDir(t);
  const dir = attemptDir(root, nonce);
  await dir.make();
  for (const text of ['', '{', 'null', '[]', '{"nonce":"x"}', JSON.stringify({ ...holding, nonce: '../../etc' })]) {
    await writeFile(join(dir.dir, 'holding.json'), text);
    assert.equal(await dir.holding(), null, text);
  }
  await writeFile(join(dir.dir, 'end.json'), '{"outcome":');
  assert.equal(await dir.end(), null);
});

test('only directories named by a nonce are attempts, and they are for this user alone', async (t) => {
  const root = join(await tempDir(t), 'attempts');
  assert.deepEqual(await listAttempts(root), []);
  await attemptDir(root, nonce).make();
  for (const name of ['lost+found', '0123', `${nonce}0`, 'ABCDEF0123456789']) await mkdir(join(root, name));
  assert.deepEqual(await listAttempts(root), [nonce]);
  for (const path of [root, attemptDir(root, nonce).attachments]) {
    assert.equal((await stat(path)).mode & 0o077, 0, path);
  }
});
