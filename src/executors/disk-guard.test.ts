import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../base/clock.ts';
import { DiskWalk, guardDisk, judgeDisk, type DiskVerdict } from './disk-guard.ts';

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

void test('a walk counts blocks, shares hard links, and follows no link', async (context) => {
  const dir = room(context);
  const elsewhere = room(context);
  writeFileSync(join(elsewhere, 'big'), Buffer.alloc(8 * mib, 1));
  mkdirSync(join(dir, 'a', 'b'), { recursive: true });
  writeFileSync(join(dir, 'a', 'b', 'file'), Buffer.alloc(2 * mib, 1));
  linkSync(join(dir, 'a', 'b', 'file'), join(dir, 'second-name'));
  symlinkSync(elsewhere, join(dir, 'a', 'link'));
  const walk = new DiskWalk([dir]);
  assert.equal(await walk.goOn(() => 0, 1), true);
  assert.ok(walk.bytes >= 2 * mib && walk.bytes < 2.2 * mib, String(walk.bytes));
});

void test('a walk that ran out of time goes on where it was', async (context) => {
  const dir = room(context);
  for (let i = 0; i < 100; i++) {
    mkdirSync(join(dir, String(i)));
    writeFileSync(join(dir, String(i), 'file'), Buffer.alloc(100_000, 1));
  }
  const walk = new DiskWalk([dir]);
  let portions = 1;
  // Each question for the time finds it a second later.
  let now = 0;
  while (!(await walk.goOn(() => (now += 1000), 1))) portions++;
  assert.ok(portions >= 2, String(portions));
  assert.ok(walk.bytes >= 100 * 100_000);
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
