import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Clock } from '../../base/clock.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { openFileBell } from './file-bell.ts';

/** A clock whose timers are only counted: what wakes then was the file. */
function standing(): { readonly clock: Clock; readonly asked: number[] } {
  const asked: number[] = [];
  const after: Clock['after'] = (delayMs) => {
    asked.push(delayMs);
    return { cancel: () => undefined };
  };
  return { clock: { now: () => 0, monotonic: () => 0, after }, asked };
}

test('a write wakes who waits, and one before the wait is not slept through', async (context) => {
  const path = join(await tempDir(context), 'bell');
  await writeFile(path, '');
  const bell = openFileBell(path);
  context.after(() => {
    bell.close();
  });
  const { clock } = standing();
  const waiting = bell.wait(clock);
  await appendFile(path, 'x');
  await waiting;
  const again = bell.wait(clock);
  await appendFile(path, 'x');
  await again;
});

test('where nothing can be listened to, it rings by itself', async (context) => {
  const bell = openFileBell(join(await tempDir(context), 'missing'));
  const asked: number[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (delayMs, fire) => {
      asked.push(delayMs);
      fire();
      return { cancel: () => undefined };
    },
  };
  await bell.wait(clock);
  assert.deepEqual(asked, [50]);
  bell.close();
});
