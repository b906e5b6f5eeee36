import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock, type Clock } from '../base/clock.ts';
import { until } from '../../test/support/until.ts';
import { watchFile } from './file-watch.ts';

const root = mkdtempSync(join(tmpdir(), 'groundcrew-watch-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Watches a file until the end of the test; what was heard, in order. */
function watched(file: string, t: { after(end: () => Promise<void>): void }, clock = systemClock): boolean[] {
  const heard: boolean[] = [];
  const stop = new AbortController();
  const done = watchFile({ file, clock, signal: stop.signal }, (isThere) => heard.push(isThere));
  t.after(async () => {
    stop.abort();
    await done;
  });
  return heard;
}

function folder(name: string): string {
  const dir = join(root, name);
  mkdirSync(dir);
  return dir;
}

// Faster than the poll (10 s), so that only the watch can have seen it.
const soon = { within: 5_000 };

test('hears of a file that is written in place, once for a burst', async (t) => {
  const file = join(folder('in-place'), 'a.yaml');
  writeFileSync(file, '1');
  const heard = watched(file, t);
  await until(() => heard.length === 1, soon);
  for (const text of ['2', '23', '234']) writeFileSync(file, text);
  await until(() => heard.length === 2, soon);
  assert.deepEqual(heard, [true, true]);
});

test('hears of an editor that renames a new file over the old one, and of the next one, too', async (t) => {
  const dir = folder('renamed');
  const file = join(dir, 'a.yaml');
  writeFileSync(file, '1');
  const heard = watched(file, t);
  await until(() => heard.length === 1, soon);
  for (const text of ['2', '3']) {
    const before = heard.length;
    writeFileSync(join(dir, '.a.yaml.new'), text);
    renameSync(join(dir, '.a.yaml.new'), file);
    await until(() => heard.length === before + 1, soon);
  }
});

test('hears of a swapped link to a directory, as a mounted ConfigMap has it', async (t) => {
  const dir = folder('config-map');
  const version = (name: string, text: string): void => {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'a.yaml'), text);
    symlinkSync(name, join(dir, '..next'));
    renameSync(join(dir, '..next'), join(dir, '..data'));
  };
  version('..1', '1');
  symlinkSync('..data/a.yaml', join(dir, 'a.yaml'));
  const heard = watched(join(dir, 'a.yaml'), t);
  await until(() => heard.length === 1, soon);
  version('..2', '2');
  await until(() => heard.length === 2, soon);
  rmSync(join(dir, '..1'), { recursive: true });
  version('..3', '3');
  await until(() => heard.length === 3, soon);
});

test('hears of a link into another directory whose file is written', async (t) => {
  const elsewhere = join(folder('elsewhere'), 'real.yaml');
  const file = join(folder('linking'), 'a.yaml');
  writeFileSync(elsewhere, '1');
  symlinkSync(elsewhere, file);
  const heard = watched(file, t);
  await until(() => heard.length === 1, soon);
  writeFileSync(elsewhere, '2');
  await until(() => heard.length === 2, soon);
});

test('hears that a file went, and that it came', async (t) => {
  const file = join(folder('gone'), 'a.yaml');
  writeFileSync(file, '1');
  const heard = watched(file, t);
  await until(() => heard.length === 1, soon);
  rmSync(file);
  await until(() => heard.length === 2, soon);
  writeFileSync(file, '1');
  await until(() => heard.length === 3, soon);
  assert.deepEqual(heard, [true, false, true]);
});

test('says nothing when the same bytes are written again, or a neighbour changes', async (t) => {
  const dir = folder('same');
  const file = join(dir, 'a.yaml');
  writeFileSync(file, '1');
  let polls = 0;
  const counting: Clock = {
    ...systemClock,
    after: (delayMs, fire) => {
      if (delayMs === 10_000) polls += 1;
      return systemClock.after(delayMs, fire);
    },
  };
  const heard = watched(file, t, counting);
  await until(() => heard.length === 1 && polls === 1, soon);
  writeFileSync(join(dir, 'b.yaml'), 'x');
  writeFileSync(file, '1');
  // It has looked, and waits again.
  await until(() => polls > 1, soon);
  assert.deepEqual(heard, [true]);
});
