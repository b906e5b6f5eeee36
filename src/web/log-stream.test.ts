import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { suite, test, type TestContext } from 'node:test';
import { addFakeRun, createFakeWorld, type FakeWorld } from '../../test/support/fake-web-deps.ts';
import type { FakeLog } from '../../test/support/fake-log.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { until } from '../../test/support/until.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

interface Stage {
  readonly world: FakeWorld;
  readonly address: string;
  readonly id: string;
  readonly log: FakeLog;
}

async function stage(
  t: TestContext,
  world = createFakeWorld(),
  state: 'running' | 'ended' = 'running',
): Promise<Stage> {
  const id = addFakeRun(world, { state });
  const log = world.logs.get(world.runs[0]?.attempts[0]?.storePrefix ?? '');
  assert.ok(log);
  const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  return { world, address: server.address, id, log };
}

/** Reads events until there are enough, then hangs up. */
async function events(
  address: string,
  enough: number,
  headers: Record<string, string> = {},
): Promise<{ event: string; id: string; data: string }[]> {
  const abort = new AbortController();
  const response = await fetch(address, { headers, signal: abort.signal });
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  const found: { event: string; id: string; data: string }[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      if (fields['data'] === undefined && fields['event'] === undefined) continue;
      found.push({ event: fields['event'] ?? 'message', id: fields['id'] ?? '', data: fields['data'] ?? '' });
    }
    if (found.length >= enough) break;
  }
  abort.abort();
  return found;
}

function open(address: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(address, (response) => resolve(response))
      .on('error', reject)
      .end();
  });
}

suite('a log as events', () => {
  test('arbitrary bytes come whole, and a reader that comes back goes on at its byte', async (t) => {
    const { address, id, log } = await stage(t);
    const bytes = randomBytes(200_000);
    log.append(bytes);
    const path = `${address}/api/runs/${id}/log/events`;
    const first = await events(path, 2);
    const got = Buffer.concat(first.map(({ data }) => Buffer.from(data, 'base64')));
    assert.deepEqual(got, bytes.subarray(0, got.length));
    const last = first.at(-1)?.id ?? '';
    assert.equal(last, String(got.length));
    log.append('the end\n');
    log.seal();
    const rest = await events(`${path}?from=0`, 99, { 'Last-Event-ID': last });
    assert.deepEqual(rest.at(-1), { event: 'end', id: '', data: '200008' });
    const all = Buffer.concat([got, ...rest.slice(0, -1).map(({ data }) => Buffer.from(data, 'base64'))]);
    assert.deepEqual(all, Buffer.concat([bytes, Buffer.from('the end\n')]));
  });

  test('bytes are pushed as they come, with changes of state between them on the same stream', async (t) => {
    const { world, address, id, log } = await stage(t);
    const reading = events(`${address}/api/runs/${id}/log/events`, 3);
    await until(() => world.listeners() === 1);
    log.append('one\n');
    await new Promise((resolve) => setImmediate(resolve));
    world.change();
    log.append('two\n');
    const found = await reading;
    assert.deepEqual(found.filter(({ event }) => event === 'changed').length, 1);
    const text = found.map(({ data }) => Buffer.from(data, 'base64').toString()).join('');
    assert.ok('one\ntwo\n'.startsWith(text));
    await until(() => world.listeners() === 0, { what: 'the closed stream to stop listening' });
  });

  test('a silent stream sends a comment each 15 s, so that no proxy ends it', async (t) => {
    const clock = createHandClock();
    const { address, id } = await stage(t, createFakeWorld({ clock }));
    const response = await open(`${address}/api/runs/${id}/log/events`);
    let text = '';
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await until(() => text === ': alive\n\n');
    await until(() => {
      clock.pass(5000);
      return text.startsWith(': alive\n\n: alive\n\n');
    });
    response.destroy();
  });
});

suite('a reader that does not read', () => {
  test('costs little memory and is dropped after a minute', async (t) => {
    const clock = createHandClock();
    const { world, address, id, log } = await stage(t, createFakeWorld({ clock }));
    log.append(Buffer.alloc(64 * 1024 * 1024, 'x\n'));
    let taken = 0;
    const world2 = world.deps.openLog;
    Object.assign(world.deps, {
      openLog: async function* (...args: Parameters<typeof world2>) {
        for await (const chunk of world2(...args)) {
          taken += chunk.length;
          yield chunk;
        }
      },
    });
    const response = await open(`${address}/api/runs/${id}/log/events`);
    response.pause();
    let isCut = false;
    response.on('close', () => {
      isCut = true;
    });
    response.on('error', () => undefined);
    let before = -1;
    await until(() => {
      const isStill = taken > 0 && taken === before;
      before = taken;
      return isStill;
    });
    assert.ok(taken < 16 * 1024 * 1024, `${taken} bytes were read ahead`);
    // The clock moves only once the stream stands still, so the minute is a minute without progress.
    clock.pass(60_000);
    response.resume();
    await until(() => isCut, { what: 'the connection to be cut' });
    assert.ok(taken < 16 * 1024 * 1024);
  });
});

suite('a log by lines', () => {
  test('blocks join to the exact bytes from both ends, with true line numbers', async (t) => {
    const { address, id, log } = await stage(t, createFakeWorld(), 'ended');
    const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n + 1} ${'x'.repeat(n % 50)}`);
    const whole = `${lines.join('\n')}\nno newline at the end`;
    log.append(whole);
    const block = async (
      query: string,
    ): Promise<{ text: string; start: number; end: number; line: number; total: number }> => {
      const response = await fetch(`${address}/api/runs/${id}/log/block?${query}`);
      const header = (name: string): number => Number(response.headers.get(`x-log-${name}`));
      return {
        text: await response.text(),
        start: header('start'),
        end: header('end'),
        line: header('line'),
        total: header('lines'),
      };
    };
    let forward = '';
    for (let at = 0; at < whole.length;) {
      const got = await block(`from=${at}`);
      assert.equal(got.start, at);
      assert.equal(got.line, forward.split('\n').length);
      assert.equal(got.total, 30_001);
      forward += got.text;
      at = got.end;
    }
    assert.equal(forward, whole);
    let backward = '';
    for (let at = whole.length; at > 0;) {
      const got = await block(at === whole.length ? 'last=1' : `before=${at}`);
      assert.equal(got.end, at);
      backward = got.text + backward;
      at = got.start;
    }
    assert.equal(backward, whole);
    for (const line of [1, 2, 999, 1000, 1001, 15_000, 30_001]) {
      const got = await block(`line=${line}`);
      const text = got.text.split('\n')[line - got.line] ?? '';
      assert.ok(text.startsWith(line === 30_001 ? 'no newline' : `line ${line} `), `line ${line}: ${text}`);
    }
    const middle = await block('from=1000');
    assert.equal(middle.start, 1000);
    assert.equal(middle.line, whole.slice(0, 1000).split('\n').length);
  });

  test('one line of 3 MB comes in bounded blocks that know they are inside it', async (t) => {
    const { address, id, log } = await stage(t, createFakeWorld(), 'ended');
    log.append(`first\n${'y'.repeat(3_000_000)}\nlast\n`);
    const response = await fetch(`${address}/api/runs/${id}/log/block?from=1000000`);
    assert.ok((await response.arrayBuffer()).byteLength <= 262_144);
    assert.equal(response.headers.get('x-log-mid-line'), '1');
    assert.equal(response.headers.get('x-log-line'), '2');
    assert.equal(response.headers.get('x-log-lines'), '3');
    const last = await fetch(`${address}/api/runs/${id}/log/block?line=3`);
    assert.match(await last.text(), /last\n$/);
  });

  test('a search sees through colours and case, says the lines, and goes on where it stopped', async (t) => {
    const { address, id, log } = await stage(t, createFakeWorld(), 'ended');
    const filler = `${'filler '.repeat(20)}\n`.repeat(250_000);
    log.append(`a\nNot \u001b[31mOK\u001b[0m 1\n${filler}not ok 2\nnot ok not ok 3\n`);
    const lines: number[] = [];
    let from: number | null = 0;
    let steps = 0;
    while (from !== null) {
      const answer: Response = await fetch(`${address}/api/runs/${id}/log/search?q=not%20ok&from=${from}`);
      const step = (await answer.json()) as { lines: number[]; nextByte: number | null };
      lines.push(...step.lines);
      from = step.nextByte;
      steps += 1;
    }
    assert.deepEqual(lines, [2, 250_003, 250_004]);
    assert.ok(steps > 1, 'a long log is searched in steps');
    assert.equal((await fetch(`${address}/api/runs/${id}/log/search?q=`)).status, 400);
  });

  test('an attempt is named by generation, number and nonce; another name is not found', async (t) => {
    const { address, id, log } = await stage(t, createFakeWorld(), 'ended');
    log.append('hello');
    assert.equal(await (await fetch(`${address}/api/runs/${id}/log?attempt=1.1-abcdef01&from=1`)).text(), 'ello');
    assert.equal((await fetch(`${address}/api/runs/${id}/log?attempt=1.2-abcdef01`)).status, 404);
  });
});
