import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../base/clock.ts';
import { guardDisk, judgeDisk, type DiskVerdict } from './disk-guard.ts';

const mib = 1024 * 1024;

function room(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gcx-disk-'));
  context.after(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

void test('a job past its own limit is to blame, however much is free', () => {
  const look = { freeBytes: 1000, freeAtStartBytes: 1000, usedBytes: 11 };
  assert.deepEqual(judgeDisk(look, { limitBytes: 10, minFreeBytes: 1 }), {
    kind: 'over-limit',
    usedBytes: 11,
    limitBytes: 10,
  });
});

void test('a job within its limit is never to blame', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat(), (free, atStart, used, more) => {
      const look = { freeBytes: free, freeAtStartBytes: atStart, usedBytes: used };
      const verdict = judgeDisk(look, { limitBytes: used + more, minFreeBytes: 100 });
      assert.equal(verdict.kind, free < 100 ? 'others-filled-disk' : 'fine');
    }),
  );
});

void test('a job without a limit is to blame when most of what is gone went to it', () => {
  const limits = { limitBytes: null, minFreeBytes: 100 };
  const look = { freeBytes: 50, freeAtStartBytes: 1050 };
  assert.equal(judgeDisk({ ...look, usedBytes: 900 }, limits).kind, 'over-limit');
  assert.equal(judgeDisk({ ...look, usedBytes: 100 }, limits).kind, 'others-filled-disk');
  assert.equal(judgeDisk({ ...look, freeBytes: 100, usedBytes: 900 }, limits).kind, 'fine');
});

void test('the guard says once that a job has taken too much', async (context) => {
  const dir = room(context);
  const verdicts: DiskVerdict[] = [];
  const guarding = guardDisk(
    {
      limits: { limitBytes: mib, minFreeBytes: 0 },
      clock: systemClock,
      dirs: () => [dir],
      onVerdict: (verdict) => verdicts.push(verdict),
      everyMs: 10,
    },
    AbortSignal.timeout(10_000),
  );
  writeFileSync(join(dir, 'file'), Buffer.alloc(2 * mib, 1));
  await guarding;
  assert.deepEqual(
    verdicts.map((verdict) => verdict.kind),
    ['over-limit'],
  );
});

void test('the guard ends with its signal and says nothing then', async (context) => {
  const dir = room(context);
  await guardDisk(
    {
      limits: { limitBytes: null, minFreeBytes: 0 },
      clock: systemClock,
      dirs: () => [dir, join(dir, 'not-there')],
      onVerdict: () => assert.fail('nothing is wrong'),
      everyMs: 5,
    },
    AbortSignal.timeout(50),
  );
});
