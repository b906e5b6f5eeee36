import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import { createFakeWorld, fakeToken } from '../../../test/support/fake-web-deps.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { GroundcrewError } from '../../base/errors.ts';
import { writeServerFile } from '../../config/server-file.ts';
import type { Snapshot } from '../../core/snapshot.ts';
import { createWebApp } from '../../web/app.ts';
import type { Operator } from '../../web/operator.ts';
import { startWebServer } from '../../web/server.ts';

const config = `
forges: {github: {kind: github, token: {env: T}}}
projects:
  - {name: o/r, forge: github}
`;

/** A server that answers as `operator` does, and a way to run command lines against it. */
async function served(
  context: TestContext,
  operator: Partial<Operator>,
): Promise<(...words: string[]) => Promise<CliEnd>> {
  const dir = await tempDir(context);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, config);
  const unasked = (): never => assert.fail('not asked in this test');
  const whole: Operator = {
    policy: () => ({ version: '0123456789ab', since: 1, problem: null, needsRestart: [] }),
    repos: () => [{ forge: 'github', repo: 'o/r' }],
    scan: unasked,
    places: unasked,
    peek: unasked,
    explain: unasked,
    ...operator,
  };
  const app = createWebApp(createFakeWorld({ operator: whole }).deps);
  const server = await startWebServer(app, { host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  writeServerFile(join(dir, 'server.json'), { url: server.address, token: fakeToken, pid: process.pid });
  return (...words) => runCliWith([...words, '--state-dir', dir, '--config', file]);
}

const change: Snapshot['change'] = {
  key: 'github|o/r|pull/7',
  forge: 'github',
  repo: 'o/r',
  pull: 7,
  branch: null,
  headSha: 'a'.repeat(40),
  baseRef: 'main',
  title: 'evil\u001b[2Jtitle',
  author: 'mallory',
  labels: [],
  isDraft: false,
  isOpen: true,
  trust: 'untrusted',
  version: 1,
};
const snapshot: Snapshot = {
  change,
  remembersStatuses: true,
  statuses: [],
  requests: [],
  approvedShas: [],
  plan: { kind: 'checks', checks: [] },
  jobs: [],
};

test('scan has the running server look, and tells what came of it', async (context) => {
  const run = await served(context, {
    scan: async () => ({ places: 12, looked: 3, changed: 1, failed: 0, tookMs: 40 }),
  });
  const { code, out } = await run('scan');
  assert.deepEqual([code, out], [0, 'o/r: 12 places, 3 looked at, 1 changed (40 ms)\n']);
  const [line] = JSON.parse((await run('scan', 'o/r', '--json')).out) as { repo: string; changed: number }[];
  assert.deepEqual([line?.repo, line?.changed], ['o/r', 1]);
  const { code: unknown, err } = await run('scan', 'o/other');
  assert.equal(unknown, 2);
  assert.match(err, /o\/other is not a project of this server/);
});

test('scan ends with 3 when a repository, or a place of it, could not be looked at', async (context) => {
  const away = await served(context, {
    scan: () => Promise.reject(new GroundcrewError('forge/unreachable', 'GitHub is away', { retry: 'later' })),
  });
  const ended = await away('scan');
  assert.deepEqual([ended.code, ended.out], [3, 'o/r: GitHub is away\n']);
  const partly = await served(context, {
    scan: async () => ({ places: 12, looked: 3, changed: 1, failed: 2, tookMs: 40 }),
  });
  const { code, out } = await partly('scan');
  assert.equal(code, 3);
  assert.match(out, /2 could not be looked at/);
});

test('scan --dry-run says what would be done, place by place, and asks for nothing else', async (context) => {
  const run = await served(context, {
    places: async () => ['github|o/r|pull/7', 'github|o/r|branch/main'],
    peek: async (_repo, key) => ({
      snapshot,
      actions: key.endsWith('7') ? [{ kind: 'notice', sha: 'a', context: 'c', notice: null }] : [],
    }),
  });
  const { code, out } = await run('scan', '--dry-run');
  assert.deepEqual([code, out], [0, 'o/r#7: would withdraw what c says\n']);
});

test('policy explain says of each context why it runs or not, and no title steers the terminal', async (context) => {
  const asked: string[] = [];
  const run = await served(context, {
    peek: async (_repo, key) => {
      asked.push(key);
      return { snapshot, actions: [] };
    },
    explain: () => [
      { context: 'fedora-44/storage', runs: false, why: 'waits for an approval' },
      { context: 'docs', runs: true, why: 'wanted for main' },
    ],
  });
  const { code, out } = await run('policy', 'explain', 'https://github.com/o/r/pull/7');
  assert.equal(code, 0);
  assert.deepEqual(asked, ['github|o/r|pull/7']);
  assert.match(
    out,
    /^o\/r#7 at aaaaaaaaaaaa {2}evil�\[2Jtitle\nby mallory, a stranger; for main; policy 0123456789ab\n/,
  );
  assert.match(out, /^fedora-44\/storage +no +waits for an approval$/m);
  assert.match(out, /^docs +yes +wanted for main$/m);
  const told = JSON.parse((await run('policy', 'explain', 'o/r', '#7', '--json')).out) as { policy: string };
  assert.equal(told.policy, '0123456789ab');
});

test('policy import makes a configuration of a test map, and says what it left out', async (context) => {
  const dir = await tempDir(context);
  const file = join(dir, 'map.json');
  writeFileSync(file, JSON.stringify({ 'o/r': { main: ['fedora-44/storage', 'not a context'] } }));
  const { code, out, err } = await runCliWith(['policy', 'import', 'map.json', '--forge', 'ghe'], { cwd: dir });
  assert.equal(code, 0);
  assert.match(out, /^ {2}ghe:$/m);
  assert.match(out, /^ {6}- \{context: fedora-44\/storage, branches: \[main\], needs: \[kvm\]\}$/m);
  assert.match(err, /not taken over: o\/r: main: .*not a context/);
  const yaml = join(dir, 'groundcrew.yaml');
  writeFileSync(yaml, out);
  assert.equal((await runCliWith(['config', 'check', yaml])).code, 0);
  writeFileSync(file, '[]');
  const refused = await runCliWith(['policy', 'import', file]);
  assert.deepEqual([refused.code, refused.out], [2, '']);
  writeFileSync(file, '{"version": 2}');
  const nothing = await runCliWith(['policy', 'import', file]);
  assert.deepEqual([nothing.code, nothing.out], [2, '']);
  assert.match(nothing.err, /map\.json: nothing could be taken over: version: expected OWNER\/REPO/);
  writeFileSync(file, '{');
  assert.match((await runCliWith(['policy', 'import', file])).err, /map\.json: is not JSON/);
});

test('config check tells what the running server has in force, and that it refused an edit', async (context) => {
  const run = await served(context, {
    policy: () => ({
      version: 'aaaaaaaaaaaa',
      since: 1,
      problem: '/c.yaml:1:1: a: unknown key',
      needsRestart: ['server'],
    }),
  });
  const { code, out, err } = await run('config', 'check');
  assert.equal(code, 0);
  assert.match(out, /: ok, policy [0-9a-f]{12}\nin force on the running server: policy aaaaaaaaaaaa\n$/);
  assert.match(err, /the server refused an edit: \/c\.yaml:1:1: a: unknown key/);
  assert.match(err, /counts only after a restart of the server: server/);
});
