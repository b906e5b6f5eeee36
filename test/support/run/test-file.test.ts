import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../temp-dir.ts';
import { runTestFile, type Tally } from './test-file.ts';
import { stepOf } from './test-files.ts';

async function runBait(t: TestContext, body: string, fileTimeoutMs = 30_000): Promise<Tally> {
  const dir = await tempDir(t);
  const text = `import { test } from 'node:test';\nimport { spawn } from 'node:child_process';\n${body}`;
  await writeFile(join(dir, 'bait.test.mjs'), text);
  const tally = await runTestFile(join(dir, 'bait.test.mjs'), process.env, { testTimeoutMs: 200, fileTimeoutMs });
  const strip = (words: string): string => words.replaceAll(`${dir}/`, '');
  return {
    passed: tally.passed,
    failures: tally.failures.map(({ title, details }) => ({ title: strip(title), details })),
    skipped: tally.skipped.map(strip),
  };
}

test('passed, skipped and failed tests are told apart, a failure with place, reason and output', async (t) => {
  const { passed, failures, skipped } = await runBait(
    t,
    `test('good', (t) => t.test('part', () => {}));
     test('not here', { skip: 'no kvm' }, () => {});
     console.log('seen on the way');
     test('bad', (t) => t.test('part', () => { throw new Error('two is not three'); }));`,
  );
  assert.equal(passed, 2);
  assert.deepEqual(skipped, ['bait.test.mjs: not here: no kvm']);
  assert.deepEqual(
    failures.map(({ title }) => title),
    ['bait.test.mjs:6: bad › part'],
  );
  assert.match(failures[0]?.details ?? '', /two is not three[^]*seen on the way/);
});

test('a test that does not end is a failure', async (t) => {
  const { failures } = await runBait(t, `test('endless', () => new Promise((r) => setTimeout(r, 60_000).unref()));`);
  assert.match(failures[0]?.details ?? '', /timed out|Promise resolution is still pending/);
});

test('a file that does not end is ended', async (t) => {
  const { failures } = await runBait(t, `test('busy', () => { for (;;) ; });`, 500);
  assert.deepEqual(
    failures.map(({ title }) => title),
    ['bait.test.mjs: not over after 0.5 s'],
  );
});

test('a file that cannot be loaded is a failure', async (t) => {
  const { failures } = await runBait(t, `throw new Error('cannot load');`);
  assert.equal(failures[0]?.title, 'bait.test.mjs: ended with 1');
  assert.match(failures[0].details, /cannot load/);
});

test('a socket that is left open is a failure that names it', async (t) => {
  const { failures } = await runBait(
    t,
    `import { createServer } from 'node:net';
     test('listens', () => { createServer().listen(0, '127.0.0.1'); });`,
  );
  assert.deepEqual(
    failures.map(({ title }) => title),
    ['bait.test.mjs: left open after its tests: TCPServerWrap'],
  );
});

test('a process that is left behind is ended and is a failure', async (t) => {
  const { failures } = await runBait(
    t,
    `test('spawns', () => { spawn('sleep', ['60'], { stdio: 'inherit' }).unref(); });`,
  );
  assert.deepEqual(
    failures.map(({ title }) => title),
    ['bait.test.mjs: left processes running'],
  );
});

test('a file belongs to the step that its place or its imports say', () => {
  assert.equal(stepOf('test/floors.test.ts', ''), 'floors');
  assert.equal(stepOf('test/errors.test.ts', ''), 'docs');
  assert.equal(stepOf('test/scenarios/a.test.ts', "test('a', needs('git'))"), 'scenarios');
  assert.equal(stepOf('src/queue/embedded.test.ts', "import { q } from './queue.contract.ts';"), 'contract');
  assert.equal(stepOf('src/worker/a.test.ts', "test('a', needs('git'), f)"), 'integration');
  assert.equal(stepOf('src/worker/a.test.ts', ''), 'unit');
});
