import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { openTempDir, removeTempDir, tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { systemClock } from '../base/clock.ts';
import { isGroundcrewError } from '../base/errors.ts';
import { openJobLog } from './job-log.ts';
import type { JobLogOptions } from './log-sink.ts';

const quiet: Omit<JobLogOptions, 'dir'> = {
  secrets: [],
  limitBytes: null,
  clock: systemClock,
  onGrew: () => undefined,
  onLimit: () => assert.fail('no limit was set'),
};

test('the file has what the job wrote, redacted, and the hash is its own', async (context) => {
  const dir = await tempDir(context);
  const sizes: number[] = [];
  const onGrew = (size: number) => sizes.push(size);
  await using log = await openJobLog({ ...quiet, dir, secrets: [Buffer.from('hunter22')], onGrew });
  await log.write(Buffer.from('the word is hun'));
  await log.write(Buffer.from('ter22!\n\u0000\xff'));
  const total = await log.finish();
  const content = await readFile(log.file);
  assert.equal(content.toString(), 'the word is ***!\n\u0000\xff');
  assert.equal(total.sha256, createHash('sha256').update(content).digest('hex'));
  assert.deepEqual([total.sizeBytes, total.isTruncated], [content.length, false]);
  assert.equal(sizes.at(-1), content.length);
});

test('our own lines stand at line borders, tame and redacted', async (context) => {
  const dir = await tempDir(context);
  const clock = createHandClock();
  await using log = await openJobLog({ ...quiet, dir, clock, secrets: [Buffer.from('hunter22')] });
  log.note('fetching hunter22@host\u001b[2J\nnot ok 1');
  await log.write(Buffer.from('ok 1 te'));
  log.note('time is nearly up');
  await log.write(Buffer.from('st\nok 2'));
  log.note('time is up');
  clock.pass(1000);
  await log.write(Buffer.from(' cut\n'));
  await log.finish();
  assert.deepEqual((await readFile(log.file, 'utf8')).split('\n'), [
    '[groundcrew] fetching ***@host [2J not ok 1',
    'ok 1 test',
    '[groundcrew] time is nearly up',
    'ok 2',
    '[groundcrew] time is up',
    ' cut',
    '',
  ]);
});

test('past the limit the log ends with one marker, and the caller hears of it once', async (context) => {
  const dir = await tempDir(context);
  let heard = 0;
  const options = { ...quiet, dir, limitBytes: 10, onLimit: () => heard++ };
  const log = await openJobLog(options);
  for (let n = 0; n < 100; n++) await log.write(Buffer.from('1234567'));
  log.note('stopped');
  const total = await log.finish();
  await log.close();
  const expected = '1234567123\n[groundcrew] log truncated at 10 bytes\n[groundcrew] stopped\n';
  assert.equal(await readFile(log.file, 'utf8'), expected);
  assert.deepEqual([total.isTruncated, heard], [true, 1]);
  await using again = await openJobLog(options);
  assert.equal(heard, 2);
  await again.write(Buffer.from('more'));
  assert.equal((await again.finish()).sha256, total.sha256);
});

test('a log that just fits is not truncated', async (context) => {
  const dir = await tempDir(context);
  await using log = await openJobLog({ ...quiet, dir, limitBytes: 4 });
  await log.write(Buffer.from('1234'));
  assert.equal((await log.finish()).isTruncated, false);
});

test('one line of 200 MB and a writer faster than the disk stay within bounded memory', async (context) => {
  const dir = await tempDir(context);
  await using log = await openJobLog({ ...quiet, dir, secrets: [Buffer.from('hunter22')] });
  const chunk = Buffer.alloc(64 * 1024, 'x');
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let n = 0; n < 3200; n++) {
    await log.write(chunk);
    if (n % 100 === 0) most = Math.max(most, process.memoryUsage().rss);
  }
  assert.equal((await log.finish()).sizeBytes, 3200 * chunk.length);
  assert.ok(most - before < 64 * 1024 * 1024, `grew by ${String(most - before)} bytes`);
});

test('a write to a full disk is refused with its cause, and nothing is lost when it works again', async (context) => {
  const dir = await tempDir(context);
  // A directory in the place of the new checkpoint stands for a disk that refuses.
  await mkdir(join(dir, 'log.checkpoint.new'));
  const clock = createHandClock();
  await using log = await openJobLog({ ...quiet, dir, clock });
  clock.pass(5000);
  await log.write(Buffer.from('first\n'));
  log.note('note');
  await assert.rejects(log.settle(), (error) => isGroundcrewError(error, 'logs/cannot-write'));
  await removeTempDir(join(dir, 'log.checkpoint.new'));
  const total = await log.finish();
  const content = await readFile(log.file, 'utf8');
  assert.equal(content, 'first\n[groundcrew] note\n');
  assert.equal(total.sha256, createHash('sha256').update(content).digest('hex'));
});

test('in its first calm a log tells nobody that it grew, until somebody reads along', async (context) => {
  const dir = await tempDir(context);
  const clock = createHandClock();
  const sizes: number[] = [];
  const onGrew = (size: number) => sizes.push(size);
  await using log = await openJobLog({ ...quiet, dir, clock, calmMs: 1000, onGrew });
  await log.write(Buffer.from('first\n'));
  await until(async () => (await readFile(log.file, 'utf8')) === 'first\n', { what: 'the line on the disk' });
  clock.pass(900);
  await log.write(Buffer.from('second\n'));
  await until(async () => (await readFile(log.file, 'utf8')) === 'first\nsecond\n', { what: 'the second line' });
  assert.deepEqual(sizes, []);
  log.hurry();
  await until(() => sizes.length > 0, { what: 'a size' });
  assert.deepEqual(sizes, [13]);
});

test('the calm of a log ends by itself', async (context) => {
  const dir = await tempDir(context);
  const clock = createHandClock();
  const sizes: number[] = [];
  await using log = await openJobLog({ ...quiet, dir, clock, calmMs: 1000, onGrew: (size) => sizes.push(size) });
  await log.write(Buffer.from('first\n'));
  await until(() => clock.waiting > 0, { what: 'its timer' });
  clock.pass(1000);
  await until(() => sizes.length > 0, { what: 'a size' });
});

test('what was settled in the calm stands in the next life, and so does that it was finished', async (context) => {
  const dir = await tempDir(context);
  const first = await openJobLog({ ...quiet, dir, calmMs: 60_000 });
  await first.write(Buffer.from('settled\n'));
  await first.settle();
  await first.close();
  const second = await openJobLog({ ...quiet, dir, calmMs: 60_000 });
  assert.deepEqual([second.sizeBytes, second.outputOffset, second.wasFinished], [8, 8, false]);
  second.note('over');
  await second.finish();
  await second.close();
  await using third = await openJobLog({ ...quiet, dir, calmMs: 60_000 });
  assert.equal(third.wasFinished, true);
  assert.equal(await readFile(third.file, 'utf8'), 'settled\n[groundcrew] over\n');
});

test('a log that was killed in its calm begins again from the first byte of the job', async (context) => {
  const dir = await tempDir(context);
  const first = await openJobLog({ ...quiet, dir, calmMs: 60_000 });
  await first.write(Buffer.from('lost\n'));
  await until(async () => (await readFile(first.file, 'utf8')) === 'lost\n', { what: 'the line on the disk' });
  await first.close();
  await using second = await openJobLog({ ...quiet, dir, calmMs: 60_000 });
  assert.deepEqual([second.sizeBytes, second.outputOffset], [0, 0]);
});

test('a symbolic link in the place of the log is not followed', async (context) => {
  const dir = await tempDir(context);
  await writeFile(join(dir, 'victim'), 'precious');
  await symlink(join(dir, 'victim'), join(dir, 'log'));
  await assert.rejects(openJobLog({ ...quiet, dir }));
  assert.equal(await readFile(join(dir, 'victim'), 'utf8'), 'precious');
});

test('a file shorter than its checkpoint is begun again', async (context) => {
  const dir = await tempDir(context);
  const first = await openJobLog({ ...quiet, dir });
  await first.write(Buffer.from('0123456789'));
  await first.finish();
  await first.close();
  await truncate(first.file, 5);
  await using log = await openJobLog({ ...quiet, dir });
  assert.deepEqual([log.outputOffset, log.sizeBytes], [0, 0]);
});

test('killed anywhere and opened again, no byte is lost or doubled, and what a sink saw stays true', async () => {
  const root = await openTempDir();
  let round = 0;
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ note: fc.stringMatching(/^[a-z]{1,8}$/) }) },
    { weight: 1, arbitrary: fc.record({ passMs: fc.constantFrom(10, 25, 1000) }) },
    { weight: 1, arbitrary: fc.record({ settle: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ kill: fc.constant(true) }) },
  );
  const letters = fc.array(fc.constantFrom(97, 98, 10), { maxLength: 200 });
  const plan = fc.record({
    output: letters.map((bytes) => Buffer.from(bytes)),
    secrets: fc.constantFrom<readonly string[]>([], ['abab'], ['abba', 'bbbb']),
    limitBytes: fc.constantFrom(null, 60),
    steps: fc.array(step, { maxLength: 30 }),
  });
  const holds = fc.asyncProperty(plan, async ({ output, secrets, limitBytes, steps }) => {
    round++;
    const dir = join(root, String(round));
    await mkdir(dir);
    const clock = createHandClock();
    let exposed = Buffer.alloc(0);
    let shown = 0;
    const options: JobLogOptions = {
      dir,
      secrets: secrets.map((secret) => Buffer.from(secret)),
      limitBytes,
      clock,
      onGrew: (size) => (shown = Math.max(shown, size)),
      onLimit: () => undefined,
    };
    const look = async (file: string) => {
      const now = (await readFile(file)).subarray(0, shown);
      const common = Math.min(now.length, exposed.length);
      assert.equal(now.subarray(0, common).toString(), exposed.subarray(0, common).toString());
      if (now.length > exposed.length) exposed = now;
    };
    let log = await openJobLog(options);
    let at = 0;
    const feed = async (length: number) => {
      await log.write(output.subarray(at, at + length));
      at = Math.min(output.length, at + length);
    };
    for (const one of steps) {
      if ('write' in one) await feed(one.write);
      else if ('note' in one) log.note(one.note);
      else if ('passMs' in one) clock.pass(one.passMs);
      else if ('settle' in one) await until(async () => (await look(log.file), true));
      else {
        // What was not yet written goes with the process: `close` does not write.
        await log.close();
        await look(log.file);
        log = await openJobLog(options);
        at = log.outputOffset;
      }
    }
    await feed(output.length);
    const total = await log.finish();
    await log.close();
    await look(log.file);
    const content = await readFile(log.file);
    assert.equal(total.sha256, createHash('sha256').update(content).digest('hex'));
    const plain = await openJobLog({ ...options, dir: (await mkdir(join(dir, 'plain'), { recursive: true })) ?? dir });
    await plain.write(output);
    await plain.finish();
    await plain.close();
    assert.equal(withoutNotes(content.toString()), withoutNotes(await readFile(plain.file, 'utf8')));
  });
  try {
    await fc.assert(holds, { numRuns: 400 });
  } finally {
    await removeTempDir(root);
  }
});

/** Without our lines, and without line breaks: a note may add one. */
function withoutNotes(content: string): string {
  return content.replace(/\[groundcrew\] .*\n/g, '').replaceAll('\n', '');
}
