import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readingWiring, runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import {
  addFakeHeld,
  addFakeRun,
  createFakeWorld,
  fakeToken,
  type FakeWorld,
} from '../../../test/support/fake-web-deps.ts';
import { makeRepo } from '../../../test/support/git-repo.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { writeServerFile } from '../../config/server-file.ts';
import { createWebApp } from '../../web/app.ts';
import { startWebServer } from '../../web/server.ts';
import type { RunOrder } from '../wiring.ts';

const list = (world: FakeWorld, words: readonly string[], columns?: number): Promise<CliEnd> =>
  runCliWith(words, { wiring: readingWiring(world), ...(columns === undefined ? {} : { columns }) });

/** The real web server over the fake world, and a state directory where clients find it. */
async function servedState(context: TestContext, world: FakeWorld): Promise<string> {
  const stateDir = await tempDir(context);
  const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  writeServerFile(join(stateDir, 'server.json'), { url: server.address, token: fakeToken, pid: process.pid });
  return stateDir;
}

test('cancel, retry and approve reach the running server of the same state directory', async (context) => {
  const world = createFakeWorld();
  const running = addFakeRun(world, { state: 'running' });
  const failed = addFakeRun(world, { outcome: { kind: 'failed', exitCode: 1, reason: 'exit' }, pull: 9, branch: null });
  addFakeHeld(world);
  const stateDir = await servedState(context, world);
  const ask = (words: readonly string[]): Promise<CliEnd> =>
    runCliWith([...words, '--state-dir', stateDir], { wiring: readingWiring(world) });

  const dry = await ask(['cancel', running, '--dry-run']);
  assert.match(dry.out, /^would cancel /);
  assert.equal(world.submissions.length, 0);

  assert.match((await ask(['cancel', running.slice(0, 8)])).out, /^asked to cancel /);
  assert.equal((await ask(['retry', '#9'])).code, 0);
  assert.equal((await ask(['approve', '#7'])).code, 0);
  assert.deepEqual(
    world.submissions.map(({ kind, jobId, sha, by }) => [kind, jobId, sha?.slice(0, 8), by]),
    [
      ['cancel', running, world.runs[0]?.summary.sha.slice(0, 8), 'ada'],
      ['retry', failed, world.runs[1]?.summary.sha.slice(0, 8), 'ada'],
      ['approve', null, 'deadbeef', 'ada'],
    ],
  );
});

test('of several names one that means nothing stops all, and says so', async (context) => {
  const world = createFakeWorld();
  const running = addFakeRun(world, { state: 'running' });
  const stateDir = await servedState(context, world);
  const { code, err } = await runCliWith(['cancel', running, '#99', '--state-dir', stateDir], {
    wiring: readingWiring(world),
  });
  assert.equal(code, 2);
  assert.match(err, /^groundcrew: #99: no run, commit or pull request is called that/);
  assert.deepEqual(world.submissions, []);
});

test('what the server refuses is told with its reason', async (context) => {
  const world = createFakeWorld();
  const ended = addFakeRun(world);
  const stateDir = await servedState(context, world);
  const { code, err } = await runCliWith(['cancel', ended, '--state-dir', stateDir], { wiring: readingWiring(world) });
  assert.equal(code, 3);
  assert.match(err, /refused to cancel: this run has ended already/);
});

test('without a server, asking says how to start one; with a dead or silent one, too', async (context) => {
  const world = createFakeWorld();
  const id = addFakeRun(world);
  const stateDir = await tempDir(context);
  const ask = (): Promise<CliEnd> =>
    runCliWith(['retry', id, '--state-dir', stateDir], { wiring: readingWiring(world) });
  const { code, err } = await ask();
  assert.equal(code, 3);
  assert.match(err, /^groundcrew: no server runs on .*; start one: groundcrew up$/m);
  const file = join(stateDir, 'server.json');
  writeServerFile(file, { url: 'http://127.0.0.1:1', token: fakeToken, pid: process.pid });
  assert.match((await ask()).err, /does not answer/);
  writeServerFile(file, { url: 'http://127.0.0.1:1', token: fakeToken, pid: 2 ** 22 + 1 });
  assert.match((await ask()).err, /is gone; start it again/);
});

test('trigger asks for the branch that is checked out, and follows the run to its verdict', async (context) => {
  const world = createFakeWorld();
  const stateDir = await servedState(context, world);
  const dir = join(await tempDir(context), 'hello');
  makeRepo(dir).commit({ a: 'b' });
  const around = { cwd: dir, wiring: readingWiring(world), env: { GROUNDCREW_STATE_DIR: stateDir } };
  const dry = JSON.parse((await runCliWith(['trigger', '-n', '--json'], around)).out) as Record<string, unknown>;
  assert.equal(dry['changeKey'], 'git|hello|branch/main');
  const following = runCliWith(['trigger', '--follow'], around);
  while (world.submissions.length === 0) await new Promise(setImmediate);
  addFakeRun(world, {
    forge: 'git',
    repo: 'hello',
    occasion: 'request:delivery-1',
    outcome: { kind: 'failed', exitCode: 1, reason: 'exit' },
  });
  for (const log of world.logs.values()) log.append('not ok');
  const { code, out, err } = await following;
  assert.deepEqual([code, out], [1, 'not ok']);
  assert.match(err, /asked to test hello@main\ngroundcrew: run [0-9a-f]{8}, default/);
});

test('trigger takes pull requests, commits and contexts', async () => {
  const asked = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await runCliWith(['trigger', '-n', '--json', ...words])).out);
  const by = { kind: 'test', by: 'ada' };
  assert.deepEqual(await asked('a', '#7', 'x/y'), { ...by, repo: 'a', changeKey: 'git|a|pull/7', contexts: ['x/y'] });
  assert.deepEqual(await asked('a', 'f/x'), { ...by, repo: 'a', changeKey: 'git|a|branch/f/x', contexts: [] });
  const sha = '1'.repeat(40);
  assert.deepEqual(await asked('a', sha), { ...by, repo: 'a', sha, contexts: [] });
});

test('reproduce hands over the run’s own job, base and image', async () => {
  const world = createFakeWorld();
  const baseSha = 'b'.repeat(40);
  const id = addFakeRun(world, { attemptsDetail: [{ baseSha }] });
  const dry = await list(world, ['reproduce', '-n', id]);
  assert.match(dry.out, new RegExp(`^base +${baseSha}$`, 'm'));
  assert.match(dry.out, /^image +sha256:1f2e/m);
  const orders: RunOrder[] = [];
  const { code } = await runCliWith(['reproduce', id, '--executor', 'process'], {
    wiring: {
      ...readingWiring(world),
      run: async (order) => {
        orders.push(order);
        return 1;
      },
    },
  });
  assert.equal(code, 1);
  const source = orders[0]?.source;
  assert.ok(source?.kind === 'repeat');
  assert.equal(source.job, world.runs[0]?.job);
  assert.equal(source.baseSha, baseSha);
});
