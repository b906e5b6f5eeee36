import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finished } from '../core/worker-message.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { needs } from '../../test/support/needs.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { openFileSpool } from './file-spool.ts';

function final(nonce: string): Finished {
  return {
    v: 1,
    worker: 'w1',
    session: 1,
    seq: 0,
    kind: 'finished',
    envelope: {
      v: 1,
      job: anOrder(),
      generation: 1,
      n: 1,
      baseSha: null,
      cloneUrl: '/src/demo',
      avoid: [],
      traceId: 't',
      signature: 'a'.repeat(64),
    },
    nonce,
    outcome: { kind: 'passed' },
    startedAt: 1,
    endedAt: 2,
    testedSha: shaOf('a'),
    imageDigest: null,
    peakMemoryBytes: null,
    oom: 'no',
  };
}

const nonces = async (spool: Awaited<ReturnType<typeof openFileSpool>>): Promise<readonly string[]> =>
  (await spool.list()).map(({ message }) => message.nonce);

test('what is put is listed in the order of putting, also by the next life, which goes on counting', async (t) => {
  const dir = join(await tempDir(t), 'spool');
  const first = await openFileSpool(dir);
  for (const digit of ['1', '2', '3']) await first.put(final(digit.repeat(16)));
  const [oldest] = await first.list();
  assert.ok(oldest);
  assert.deepEqual(oldest.message, final('1'.repeat(16)));
  await first.remove(oldest.id);
  await first.remove(oldest.id);

  const second = await openFileSpool(dir);
  await second.put(final('4'.repeat(16)));
  assert.deepEqual(
    await nonces(second),
    ['2', '3', '4'].map((digit) => digit.repeat(16)),
  );
});

test('a file that is no message is set aside, and hides no other', async (t) => {
  const dir = await tempDir(t);
  await writeFile(join(dir, '000000000001.json'), '{"half":');
  await writeFile(join(dir, '000000000002.json'), JSON.stringify({ ...final('1'.repeat(16)), kind: 'beat' }));
  await writeFile(join(dir, '.000000000003.json'), 'a draft of a killed process');
  const again = await openFileSpool(dir);
  await again.put(final('2'.repeat(16)));
  assert.deepEqual(await nonces(again), ['2'.repeat(16)]);
  assert.equal(await readFile(join(dir, '000000000001.json.unreadable'), 'utf8'), '{"half":');
});

test('what somebody took away holds up no other', async (t) => {
  const dir = await tempDir(t);
  for (const digit of ['1', '2']) await (await openFileSpool(dir)).put(final(digit.repeat(16)));
  const spool = await openFileSpool(dir);
  await rm(join(dir, '000000000001.json'));
  assert.deepEqual(await nonces(spool), ['2'.repeat(16)]);
});

test('what a killed worker had half-written is taken away by the next life', async (t) => {
  const dir = await tempDir(t);
  await (await openFileSpool(dir)).put(final('a'.repeat(16)));
  await writeFile(join(dir, '.000000000002.json'), '{');
  assert.equal((await (await openFileSpool(dir)).list()).length, 1);
  assert.deepEqual((await readdir(dir)).sort(), ['.reserve', '000000000001.json']);
});

test('on a full disk the reserve makes room for a final', needs('linux', 'root'), async (t) => {
  const root = await tempDir(t);
  const disk = join(root, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
  try {
    const dir = join(disk, 'spool');
    const spool = await openFileSpool(dir);
    execFileSync('sh', ['-c', 'cat /dev/zero >"$1" 2>/dev/null; true', 'sh', join(disk, 'ballast')]);
    await spool.put(final('1'.repeat(16)));
    assert.deepEqual(await nonces(spool), ['1'.repeat(16)]);
    assert.ok(!(await readdir(dir)).includes('.reserve'), 'it was given up');
    // With room again the next removal reserves anew.
    execFileSync('rm', [join(disk, 'ballast')]);
    const [only] = await spool.list();
    await spool.remove(only?.id ?? '');
    assert.equal((await stat(join(dir, '.reserve'))).size, 1024 * 1024);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});
