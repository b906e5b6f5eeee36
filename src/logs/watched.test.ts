import assert from 'node:assert/strict';
import { appendFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import { createChunkStreamer, remotePace } from './chunk-streamer.ts';

test('a log that is watched is copied each second and said to be, else each half minute and in silence', async (context) => {
  const clock = createHandClock();
  const dir = await tempDir(context);
  const file = join(dir, 'log');
  await writeFile(file, '');
  const copied: number[] = [];
  const store = await createDirectoryStore({ root: join(dir, 'store'), clock: systemClock });
  let puts = 0;
  const sink = createChunkStreamer({
    file,
    store: {
      ...store,
      get: (...args) => store.get(...args),
      put: (...args) => {
        puts++;
        return store.put(...args);
      },
      delete: (key) => store.delete(key),
    },
    prefix: 'a/b',
    visibility: 'public',
    clock,
    random: systemRandom,
    onTrouble: (error) => assert.fail(String(error)),
    onCopied: (sizeBytes) => copied.push(sizeBytes),
    signal: new AbortController().signal,
    pace: remotePace,
  });
  const write = async (): Promise<void> => {
    await appendFile(file, 'line\n');
    sink.grew((await stat(file)).size);
  };
  /** The flush before has ended when a timer waits for the next. */
  const writeAndWait = async (): Promise<void> => {
    await write();
    await until(() => clock.waiting === 1);
  };
  const flushed = (n: number): Promise<unknown> => until(() => puts === 2 * n, { what: `flush ${String(n)}` });
  await writeAndWait();
  clock.pass(remotePace.firstFlushMs);
  await flushed(1);
  await writeAndWait();
  clock.pass(29_000);
  assert.deepEqual([puts, copied], [2, []]);
  // What waits already goes at once.
  sink.watched?.(60_000);
  await flushed(2);
  await until(() => copied.length === 1);
  await writeAndWait();
  clock.pass(999);
  assert.equal(puts, 4);
  clock.pass(1);
  await flushed(3);
  await until(() => copied.length === 2);
  assert.deepEqual(copied, [10, 15]);
  // Nobody said again that somebody watches.
  clock.pass(60_000);
  await write();
  await flushed(4);
  await writeAndWait();
  clock.pass(29_999);
  assert.deepEqual([puts, copied], [8, [10, 15]]);
  clock.pass(1);
  await flushed(5);
});
