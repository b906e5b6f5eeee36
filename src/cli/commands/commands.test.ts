import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { textWidth } from '../output/text-width.ts';
import { readingWiring, runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import { addFakeHeld, addFakeRun, createFakeWorld, type FakeWorld } from '../../../test/support/fake-web-deps.ts';
import { makeRepo } from '../../../test/support/git-repo.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { Finding } from '../finding.ts';
import type { HookOrder, UpOrder } from '../wiring.ts';

const list = (world: FakeWorld, words: readonly string[], columns?: number): Promise<CliEnd> =>
  runCliWith(words, { wiring: readingWiring(world), ...(columns === undefined ? {} : { columns }) });

test('runs lists what is known, with states in words, and cuts nothing in a pipe', async () => {
  const world = createFakeWorld();
  const branch = `feature/${'x'.repeat(300)}`;
  const id = addFakeRun(world, { branch, context: 'fedora-44/storage' });
  addFakeRun(world, { state: 'running' });
  addFakeRun(world, {
    state: 'ended',
    outcome: { kind: 'failed', exitCode: 1, reason: 'exit' },
    pull: 7,
    branch: null,
  });
  const { code, out } = await list(world, ['runs']);
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', /^RUN +STATE +REPO +CHANGE +CONTEXT +AGE +TOOK$/);
  assert.ok(lines[1]?.startsWith(`${id.slice(0, 8)}  ✔ passed`) === true && lines[1].includes(branch));
  assert.match(lines[2] ?? '', /● running/);
  assert.match(lines[3] ?? '', /✘ failed .* #7 /);
});

test('runs fits a terminal, and a branch name cannot steer it', async () => {
  const world = createFakeWorld();
  addFakeRun(world, { branch: `evil\u001b[2J\u001b]0;t\u0007\n${'y'.repeat(500)}` });
  const { out } = await list(world, ['runs'], 80);
  assert.doesNotMatch(out.replace(/\u001b\[\d+m/g, ''), /[\u0000-\u0009\u000b-\u001f]/);
  const lines = out
    .replace(/\u001b\[\d+m/g, '')
    .trimEnd()
    .split('\n');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(textWidth(line) <= 80, line);
});

test('runs filters, pages past one page, and prints JSON', async () => {
  const world = createFakeWorld();
  for (let count = 0; count < 450; count += 1) addFakeRun(world, count % 2 === 0 ? {} : { repo: 'other' });
  const runs = JSON.parse((await list(world, ['runs', '--limit', '450', '--json'])).out) as unknown[];
  assert.equal(runs.length, 450);
  const others = JSON.parse((await list(world, ['runs', '--repo', 'other', '--limit', '7', '--json'])).out) as {
    repo: string;
  }[];
  assert.deepEqual(new Set(others.map(({ repo }) => repo)), new Set(['other']));
  assert.equal(others.length, 7);
});

test('before anything has run, lists are empty and say what to do', async () => {
  const wiring = { ...readingWiring(createFakeWorld()), openReader: async () => null };
  const { code, out, err } = await runCliWith(['runs'], { wiring });
  assert.deepEqual([code, out], [0, '']);
  assert.match(err, /groundcrew up/);
  assert.equal((await runCliWith(['runs', '--json'], { wiring })).out, '[]\n');
  assert.equal((await runCliWith(['workers', '--json'], { wiring })).out, '[]\n');
  assert.match((await runCliWith(['queue'], { wiring })).err, /nothing waits/);
  assert.equal((await runCliWith(['logs', 'abcdef'], { wiring })).code, 2);
});

test('queue tells the order, the reason, and what is held', async () => {
  const world = createFakeWorld();
  addFakeRun(world, { state: 'waiting', queuedAt: 1000, context: 'first' });
  addFakeRun(world, { state: 'waiting', queuedAt: 2000, context: 'second' });
  addFakeHeld(world);
  const { code, out } = await list(world, ['queue']);
  assert.equal(code, 0);
  assert.match(out, /^1 .* first .*starting/m);
  assert.match(out, /^2 .* second .*1 before it/m);
  assert.match(out, /^deadbeefdead .* #7 +mallory +waits for approval/m);
  const json = JSON.parse((await list(world, ['queue', '--json'])).out) as {
    waiting: { position: number }[];
    held: unknown[];
  };
  assert.deepEqual(
    json.waiting.map(({ position }) => position),
    [1, 2],
  );
  assert.equal(json.held.length, 1);
});

test('workers tells who is here and what they offer', async () => {
  const { out } = await list(createFakeWorld(), ['workers']);
  assert.match(out, /^laptop +here +default +0\/4 +\d+s +kvm podman$/m);
});

test('logs prints a log byte for byte into a pipe, and harmlessly on a terminal', async () => {
  const world = createFakeWorld();
  const id = addFakeRun(world);
  const text = 'a\u001b[31mred\u001b[0m\u001b]0;title\u0007\r\n\u001b[2Jend';
  for (const log of world.logs.values()) log.append(text);
  assert.equal((await list(world, ['logs', id.slice(0, 6)])).out, text);
  assert.equal((await list(world, ['logs', `http://127.0.0.1:8250/runs/${id}/1`])).out, text);
  assert.equal((await list(world, ['logs', id], 80)).out, 'a\u001b[31mred\u001b[0m\nend\u001b[0m');
  assert.equal((await list(world, ['logs', id, '--raw'], 80)).out, text);
});

test('logs shows the attempt that counts, or the one that is asked for', async () => {
  const world = createFakeWorld();
  const id = addFakeRun(world, { attemptsDetail: [{ isAccepted: false }, { isAccepted: true }] });
  for (const [index, log] of [...world.logs.values()].entries()) log.append(`attempt ${String(index + 1)}`);
  assert.equal((await list(world, ['logs', id])).out, 'attempt 2');
  assert.equal((await list(world, ['logs', id, '--attempt', '1'])).out, 'attempt 1');
  const { code, err } = await list(world, ['logs', id, '--attempt', '5']);
  assert.equal(code, 2);
  assert.match(err, /--attempt 5: this run has 1, 2/);
});

test('logs -f follows a growing log to the end of the run', async () => {
  const world = createFakeWorld();
  const id = addFakeRun(world, { state: 'running' });
  const [log] = world.logs.values();
  assert.ok(log);
  log.append('first ');
  const following = list(world, ['logs', '-f', id]);
  log.append('second');
  const run = world.runs[0];
  assert.ok(run);
  world.runs[0] = {
    ...run,
    summary: { ...run.summary, state: 'ended', outcome: { kind: 'failed', exitCode: 1, reason: 'exit' } },
  };
  log.seal();
  assert.deepEqual(await following, { code: 0, out: 'first second', err: '' });
});

test('an interrupted logs -f exits 130', async () => {
  const world = createFakeWorld();
  const id = addFakeRun(world, { state: 'running' });
  const stop = new AbortController();
  const following = runCliWith(['logs', '-f', id], { wiring: readingWiring(world), signal: stop.signal });
  stop.abort();
  assert.equal((await following).code, 130);
});

test('up hands over the configured projects and those that were named, under free names', async (context) => {
  const dir = await tempDir(context);
  for (const name of ['x/a', 'y/a.git', 'z']) makeRepo(join(dir, name));
  mkdirSync(join(dir, 'z/deep'));
  const orders: UpOrder[] = [];
  const { code } = await runCliWith(['up', 'x/a', 'y/a.git', 'z/deep', 'x/a', '--port', '1234'], {
    cwd: dir,
    wiring: {
      up: async (order) => {
        orders.push(order);
        return 130;
      },
    },
  });
  assert.equal(code, 130);
  assert.deepEqual(
    orders[0]?.projects.map(({ name, path }) => [name, path]),
    [
      ['a', join(dir, 'x/a')],
      ['a-2', join(dir, 'y/a.git')],
      ['z', join(dir, 'z')],
    ],
  );
  assert.equal(orders[0].isPortFixed, true);
  assert.equal(orders[0].isExample, false);
});

test('up in groundcrew’s own checkout tests the example', async () => {
  const orders: UpOrder[] = [];
  await runCliWith(['up'], {
    cwd: import.meta.dirname,
    wiring: {
      up: async (order) => {
        orders.push(order);
        return 0;
      },
    },
  });
  assert.equal(orders[0]?.isExample, true);
  assert.deepEqual(orders[0].projects, []);
});

test('hook install and remove name the files, and with --dry-run only name them', async (context) => {
  const dir = await tempDir(context);
  makeRepo(dir);
  const orders: HookOrder[] = [];
  const change = async (order: HookOrder) => {
    orders.push(order);
    return [{ path: join(order.dir, '.git/hooks/post-commit'), action: 'created' as const }];
  };
  const around = { cwd: dir, wiring: { installHook: change, removeHook: change } };
  assert.match((await runCliWith(['hook', 'install'], around)).out, /^created: .*post-commit$/m);
  assert.match((await runCliWith(['hook', 'remove', '-n'], around)).out, /^would be created: .*post-commit$/m);
  assert.deepEqual(
    orders.map(({ isDryRun }) => isDryRun),
    [false, true],
  );
});

test('doctor tells what works, what lacks and the remedy; exit status 3 when no job can run', async (context) => {
  const dir = await tempDir(context);
  const trials = (isUsable: boolean) => async () => [
    { executor: 'podman' as const, trial: { isUsable, finding: 'podman \u001b[2J 4.3.1', tookMs: 1 } },
    { executor: 'process' as const, trial: { isUsable, finding: 'sh', tookMs: 1 } },
  ];
  const around = { cwd: '/', env: { GROUNDCREW_STATE_DIR: join(dir, 'state') } };
  const good = await runCliWith(['doctor'], {
    ...around,
    wiring: { trials: trials(true), openReader: async () => null },
  });
  assert.equal(good.code, 0, good.out);
  assert.match(good.out, /^ok +podman +podman \ufffd\[2J 4\.3\.1$/m);
  assert.match(good.out, /^ok +git +\d/m);
  assert.match(good.out, /^ok +server +does not run$/m);
  const { reader: quiet } = createFakeWorld().deps;
  const reader = {
    ...quiet,
    counts: async () => ({ ...(await quiet.counts()), messagesParked: 1, messagesDropped: 0 }),
  };
  const wiring = { trials: trials(false), openReader: async () => reader };
  const bad = await runCliWith(['doctor', '--json'], { ...around, wiring });
  assert.equal(bad.code, 3);
  const findings = JSON.parse(bad.out) as Finding[];
  assert.match(findings.find(({ name }) => name === 'workers')?.finding ?? '', /^1 message of a worker was set aside$/);
  assert.equal(findings.find(({ name }) => name === 'executors')?.state, 'fail');
  assert.ok(findings.every(({ state, remedy }) => (state === 'ok') === (remedy === null)));
});

test('doctor with a broken configuration says so and goes no further', async (context) => {
  const { code, out } = await runCliWith(['doctor', '--config', join(await tempDir(context), 'absent')]);
  assert.equal(code, 3);
  assert.match(out, /^fail +configuration +.*there is no such file/m);
});
