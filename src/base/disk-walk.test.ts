import assert from 'node:assert/strict';
import { linkSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { DiskWalk } from './disk-walk.ts';
import { mountsBelow } from './mounts-below.ts';

const mib = 1024 * 1024;

test('a walk counts blocks, shares hard links, and follows no link', async (context) => {
  const dir = await tempDir(context);
  const elsewhere = await tempDir(context);
  writeFileSync(join(elsewhere, 'big'), Buffer.alloc(8 * mib, 1));
  mkdirSync(join(dir, 'a', 'b'), { recursive: true });
  writeFileSync(join(dir, 'a', 'b', 'file'), Buffer.alloc(2 * mib, 1));
  linkSync(join(dir, 'a', 'b', 'file'), join(dir, 'second-name'));
  symlinkSync(elsewhere, join(dir, 'a', 'link'));
  const walk = new DiskWalk([dir]);
  assert.equal(await walk.goOn(() => 0, 1), true);
  assert.ok(walk.bytes >= 2 * mib && walk.bytes < 2.2 * mib, String(walk.bytes));
});

test('a walk that ran out of time goes on where it was', async (context) => {
  const dir = await tempDir(context);
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

test('what is removed while a walk looks is left out, and a directory that is not there is nothing', async (context) => {
  const dir = await tempDir(context);
  for (const name of ['a', 'b', 'c']) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'file'), Buffer.alloc(mib, 1));
  }
  const walk = new DiskWalk([dir, join(dir, 'never-there')]);
  let now = 0;
  // One step: it has opened the directory, or found that there is none.
  assert.equal(await walk.goOn(() => (now += 1000), 1), false);
  rmSync(join(dir, 'b'), { recursive: true });
  assert.equal(await walk.goOn(() => 0, 1), true);
  assert.ok(walk.bytes >= 2 * mib && walk.bytes < 2.2 * mib, String(walk.bytes));
});

test('a long walk lets other work of this process go on', async (context) => {
  const dir = await tempDir(context);
  for (let at = 0; at < 300; at += 1) writeFileSync(join(dir, String(at)), '');
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  let now = 0;
  // By this clock each file takes a millisecond.
  assert.equal(await new DiskWalk([dir]).goOn(() => (now += 0.5), 1e6), true);
  clearInterval(timer);
  assert.ok(turns > 0);
});

test('what is mounted below is neither counted nor looked at, also where the way to it is a link', async (context) => {
  const dir = await tempDir(context);
  for (const name of ['own', 'mounted']) {
    mkdirSync(join(dir, 'tree', name), { recursive: true });
    writeFileSync(join(dir, 'tree', name, 'file'), Buffer.alloc(mib, 1));
  }
  symlinkSync(join(dir, 'tree'), join(dir, 'link'));
  const real = realpathSync(dir);
  const line = (point: string): string => `36 35 98:0 / ${point} rw,noatime master:1 - fuse.sshfs host rw`;
  const mounts = (dirs: readonly string[]) => mountsBelow(dirs, [line('/'), line(`${real}/tree/mounted`)].join('\n'));
  for (const name of ['tree', 'link']) {
    const walk = new DiskWalk([join(dir, name)], mounts);
    assert.equal(await walk.goOn(() => 0, 1), true);
    assert.ok(walk.bytes >= mib && walk.bytes < 1.2 * mib, String(walk.bytes));
  }
});
