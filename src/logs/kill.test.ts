import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import { readLog } from './log-reader.ts';

const writer = join(import.meta.dirname, 'fixtures/log-writer.ts');
const kills = 12;

test('a worker killed again and again loses and doubles nothing, and a reader sees just the final log', async (context) => {
  const root = await tempDir(context);
  const dir = join(root, 'attempt');
  const storeRoot = join(root, 'store');
  const output = join(root, 'output');
  await mkdir(dir);
  const lines = Array.from({ length: 100_000 }, (_, n) => `line ${String(n)} hunter22 ä\u{1f600}\n`);
  await writeFile(output, lines.join(''));
  const store = await createDirectoryStore({ root: storeRoot, clock: systemClock });
  const stop = new AbortController();
  context.after(() => stop.abort());
  const options = { store, prefix: 'project/run/1.1-abcdef01', fromByte: 0, clock: systemClock, pollMs: 2 };
  const reading = (async () => {
    const parts: Uint8Array[] = [];
    for await (const part of readLog({ ...options, signal: stop.signal })) parts.push(part);
    return Buffer.concat(parts);
  })();
  const start = () =>
    spawn(process.execPath, [writer, dir, storeRoot, output], { stdio: ['ignore', 'pipe', 'inherit'] });
  const begunAt: number[] = [];
  for (let n = 0; n < kills; n++) {
    const child = start();
    const closed = once(child, 'close');
    context.after(() => void child.kill('SIGKILL'));
    begunAt.push(Number((await once(child.stdout, 'data')).join('')));
    // Anywhere in what it does, not at a place that we know.
    await new Promise((resolve) => setTimeout(resolve, systemRandom.fraction() * 150));
    assert.equal(child.kill('SIGKILL'), true, 'it ended before it was killed');
    await closed;
  }
  const last = start();
  context.after(() => void last.kill('SIGKILL'));
  const said: Buffer[] = [];
  last.stdout.on('data', (part: Buffer) => said.push(part));
  const [exitCode] = (await once(last, 'close')) as [number | null];
  assert.equal(exitCode, 0);
  const whole = await reading;
  assert.equal(createHash('sha256').update(whole).digest('hex'), Buffer.concat(said).toString().trim().split('\n')[1]);
  const jobs = whole
    .toString()
    .replace(/\[groundcrew\] .*\n/g, '')
    .replaceAll('\n', '');
  assert.equal(
    jobs === lines.join('').replaceAll('hunter22', '***').replaceAll('\n', ''),
    true,
    'bytes lost or doubled',
  );
  // Or else the test proved nothing: some process went on where a killed one had stopped.
  assert.ok(
    begunAt.some((offset) => offset > 0),
    begunAt.join(' '),
  );
});
