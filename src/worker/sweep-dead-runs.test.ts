import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import type { Logger } from '../base/logger.ts';
import { runDirName, runLockFile, sweepDeadRuns } from './sweep-dead-runs.ts';
import { runTidying } from './tidy-loop.ts';

const holder = join(import.meta.dirname, '../base/fixtures/lock-holder.ts');
const nonce = (digit: string): string => digit.repeat(16);

function quietLogger(said: string[] = []): Logger {
  const log = (line: string): void => void said.push(line);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, with: () => logger };
  return logger;
}

test('what a killed run left goes once its lock is free; a live, a young and a stubborn one stay', async (context) => {
  const workerDir = await tempDir(context);
  const clock = createHandClock();
  const anHourAgo = new Date(clock.now() - 3_600_000);
  const make = async (digit: string): Promise<string> => {
    const dir = join(workerDir, runDirName(nonce(digit)));
    await mkdir(join(dir, 'attempts'), { recursive: true });
    await writeFile(join(dir, 'attempts', 'log'), 'x');
    return dir;
  };
  const dirs = await Promise.all(['1', '2', '3', '4'].map(make));
  await mkdir(join(workerDir, 'a-worker'));
  const [dead = '', live = '', young = '', stubborn = ''] = dirs;
  const holders = [dead, live].map((dir) =>
    spawn(process.execPath, [holder, join(dir, runLockFile)], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  context.after(() => {
    for (const child of holders) child.kill('SIGKILL');
  });
  for (const child of holders) await once(child.stdout, 'data');
  const [killed] = holders;
  assert.ok(killed);
  const closed = once(killed, 'close');
  killed.kill('SIGKILL');
  await closed;
  for (const dir of [dead, live, stubborn]) await utimes(dir, anHourAgo, anHourAgo);
  await utimes(young, new Date(clock.now()), new Date(clock.now()));
  const ended: string[] = [];
  const said: string[] = [];
  const removed = await sweepDeadRuns({
    workerDir,
    endRun: (dir, which) => {
      ended.push(`${dir} ${which}`);
      return which === nonce('4') ? Promise.reject(new Error('podman says no')) : Promise.resolve();
    },
    clock,
    logger: quietLogger(said),
  });
  assert.equal(removed, 1);
  assert.deepEqual(ended.sort(), [`${dead} ${nonce('1')}`, `${stubborn} ${nonce('4')}`].sort());
  assert.deepEqual(
    (await readdir(workerDir)).sort(),
    ['a-worker', ...['2', '3', '4'].map((digit) => runDirName(nonce(digit)))].sort(),
  );
  assert.equal(said.length, 1);
});

test('a machine is tidied a minute after the start and each hour; a part that fails stops no other', async () => {
  const clock = createHandClock();
  const said: string[] = [];
  const stop = new AbortController();
  let tidied = 0;
  const parts = [
    { what: 'this', tidy: () => Promise.reject(new Error('no')) },
    { what: 'that', tidy: () => Promise.resolve((tidied += 1)) },
  ];
  const done = runTidying({ parts, clock, logger: quietLogger(said) }, stop.signal);
  clock.pass(59_000);
  assert.equal(tidied, 0);
  clock.pass(1_000);
  await until(() => tidied === 1 && clock.waiting === 1);
  clock.pass(3_600_000);
  await until(() => tidied === 2);
  stop.abort();
  await done;
  assert.deepEqual(said.slice(0, 2), ['this could not be removed; it will be tried again', 'removed that']);
});
