import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { openDatabase } from '../../base/sqlite.ts';
import type { Delivery, Queue } from '../queue.ts';
import { openEmbeddedQueue } from './embedded-queue.ts';

// So rare that what a test sees came through a socket.
const pollMs = 600_000;

async function open(t: TestContext, directory: string, poll = pollMs): Promise<Queue> {
  const database = openDatabase({ path: join(directory, 'state.db') });
  const queue = await openEmbeddedQueue({
    database,
    directory: join(directory, 'queue'),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    pollMs: poll,
  });
  t.after(async () => {
    await queue.close();
    await database.close();
  });
  return queue;
}

/** A client process and the lines that it printed. */
function start(t: TestContext, ...args: readonly string[]): { readonly child: ChildProcess; readonly lines: string[] } {
  const program = join(import.meta.dirname, 'fixtures', 'client.ts');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return { child, lines };
}

function says(lines: readonly string[], line: string): Promise<boolean> {
  return until(() => lines.includes(line), { what: `the line ${line}` });
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function gather(queue: Queue, name: string): Promise<Delivery[]> {
  const got: Delivery[] = [];
  await queue.consume(name, async (delivery) => {
    got.push(delivery);
    return 'ack';
  });
  return got;
}

test('the delivery of a consumer that was killed returns at once to a living process', async (t) => {
  const directory = await tempDir(t);
  const queue = await open(t, directory);
  await queue.declare('jobs', {});
  const { child, lines } = start(t, directory, 'hold', 'jobs');
  await says(lines, 'ready');
  await queue.publish('jobs', { body: '1' });
  await says(lines, 'got 1 false 1');
  const got = await gather(queue, 'jobs');
  assert.equal(got.length, 0);
  const before = performance.now();
  await kill(child);
  await until(() => got.length === 1);
  const tookMs = performance.now() - before;
  assert.deepEqual([got[0]?.body, got[0]?.isRedelivered, got[0]?.deliveryCount], ['1', true, 2]);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  await until(async () => (await readdir(join(directory, 'queue'))).length === 3, {
    what: 'the files of the dead to go: our lock, its note and our socket stay',
  });
});

test('a process that opens the queue of a dead one finds its deliveries ready', async (t) => {
  const directory = await tempDir(t);
  const { child, lines } = start(t, directory, 'hold', 'jobs');
  await says(lines, 'ready');
  const publisher = start(t, directory, 'publish', 'jobs', '1');
  await says(lines, 'got 0 false 1');
  if (publisher.child.exitCode === null) await once(publisher.child, 'exit');
  await kill(child);
  const queue = await open(t, directory);
  assert.deepEqual({ ...(await queue.counts('jobs')) }, { ready: 1, unacked: 0 });
});

test('messages and control messages wake other processes without a poll', async (t) => {
  const directory = await tempDir(t);
  const queue = await open(t, directory);
  await queue.declare('jobs', {});
  const consumer = start(t, directory, 'ack', 'jobs');
  const listener = start(t, directory, 'listen', 'w1');
  await says(consumer.lines, 'ready');
  await says(listener.lines, 'ready');
  const before = performance.now();
  await queue.publish('jobs', { body: '1' });
  await says(consumer.lines, 'got 1 false 1');
  await queue.sendControl('w1', { body: 'cancel' });
  await says(listener.lines, 'heard cancel');
  assert.ok(performance.now() - before < 1000);
});

test('without sockets the poll finds messages and deaths', async (t) => {
  const directory = await tempDir(t);
  // What appears in the file by another hand is announced by no socket.
  const queue = await open(t, directory, 50);
  await queue.declare('jobs', {});
  const got = await gather(queue, 'jobs');
  const database = openDatabase({ path: join(directory, 'state.db') });
  t.after(() => database.close());
  await database.change((sql) => {
    const { lastId } = sql.run(`INSERT INTO queue_session (name, pid) VALUES ('q-0000000000000000', 1)`);
    sql.run(`INSERT INTO queue_message (queue, body, holder, deliveries) VALUES ('jobs', 'of the dead', ?, 1)`, lastId);
    sql.run(`INSERT INTO queue_message (queue, body) VALUES ('jobs', 'unheard of')`);
  });
  await until(() => got.length === 2);
  assert.deepEqual(got.map(({ body, isRedelivered }) => [body, isRedelivered]).toSorted(), [
    ['of the dead', true],
    ['unheard of', false],
  ]);
});

test('a state directory of any depth has sockets', async (t) => {
  const directory = join(await tempDir(t), 'deep'.repeat(20), 'deeper'.repeat(20));
  await mkdir(directory, { recursive: true });
  const queue = await open(t, directory);
  await queue.declare('jobs', {});
  const { lines } = start(t, directory, 'ack', 'jobs');
  await says(lines, 'ready');
  await queue.publish('jobs', { body: '1' });
  await says(lines, 'got 1 false 1');
});

test('killed publishers and consumers lose no message that was acknowledged', async (t) => {
  const directory = await tempDir(t);
  const queue = await open(t, directory);
  await queue.declare('jobs', {});
  const published = new Set<string>();
  const handled = new Set<string>();
  for (let round = 0; round < 6; round += 1) {
    const publisher = start(t, directory, 'publish', 'jobs', '100000');
    const consumer = start(t, directory, 'ack', 'jobs');
    await until(() => consumer.lines.some((line) => line.startsWith('got')) && publisher.lines.length > 20);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
    await Promise.all([kill(publisher.child), kill(consumer.child)]);
    for (const line of publisher.lines) if (line.startsWith('published')) published.add(line.split(' ')[1] ?? '');
    for (const line of consumer.lines) if (line.startsWith('got')) handled.add(line.split(' ')[1] ?? '');
  }
  const got = await gather(queue, 'jobs');
  await until(async () => {
    const { ready, unacked } = await queue.counts('jobs');
    return ready + unacked === 0;
  });
  for (const { body } of got) handled.add(body);
  assert.ok(published.size > 20);
  assert.deepEqual(
    [...published].filter((body) => !handled.has(body)),
    [],
  );
});
