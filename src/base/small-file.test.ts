import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { tempDir } from '../../test/support/temp-dir.ts';
import { readSmallFile, replaceDurably, replaceSmallFile, syncFolder, writeSmallFile } from './small-file.ts';

test('what was written is read again, whatever its length', async (context) => {
  const path = join(await tempDir(context), 'file');
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', maxLength: 40_000, size: 'max' }),
      fc.constantFrom('write', 'replace', 'durably'),
      async (text, how) => {
        if (how === 'write') writeSmallFile(path, text);
        else if (how === 'replace') replaceSmallFile(path, text);
        else await replaceDurably(path, text);
        assert.equal(readSmallFile(path), text);
      },
    ),
    { numRuns: 60 },
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('files of the kernel, which say that they are empty, are read', () => {
  assert.match(readSmallFile('/proc/self/status') ?? '', /^Name:/);
});

test('what is not there, is a directory, or is larger than any of ours reads as nothing', async (context) => {
  const dir = await tempDir(context);
  writeFileSync(join(dir, 'large'), Buffer.alloc(1024 * 1024 + 1, 'x'));
  assert.equal(readSmallFile(join(dir, 'none')), null);
  assert.equal(readSmallFile(dir), null);
  assert.equal(readSmallFile(join(dir, 'large')), null);
});

test('nobody waits at a pipe that a job put into the place of a file', { timeout: 20_000 }, async (context) => {
  const dir = await tempDir(context);
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.equal(readSmallFile(pipe), '');
  assert.throws(() => {
    writeSmallFile(pipe, 'text');
  }, /ENXIO/);
  await replaceDurably(join(dir, 'other'), 'text', join(dir, 'draft'));
  replaceSmallFile(pipe, 'text');
  assert.equal(readFileSync(pipe, 'utf8'), 'text');
});

test('a replacement that fails leaves the file as it was and no draft', async (context) => {
  const dir = await tempDir(context);
  mkdirSync(join(dir, 'file'));
  assert.throws(() => {
    replaceSmallFile(join(dir, 'file'), 'text');
  }, /EISDIR|ENOTEMPTY|EEXIST/);
  await assert.rejects(replaceDurably(join(dir, 'file'), 'text'), /EISDIR|ENOTEMPTY|EEXIST/);
  assert.deepEqual(readdirSync(dir), ['file']);
  await syncFolder(dir);
  await assert.rejects(syncFolder(join(dir, 'none')), /ENOENT/);
});
