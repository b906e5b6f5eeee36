import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openGitHttpServer } from '../../test/support/git-http-server.ts';
import { makeRepo } from '../../test/support/git-repo.ts';
import { needs } from '../../test/support/needs.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { gitCredential } from './git-credential.ts';
import { createGit, type Git } from './git.ts';

const login = { username: 'x-access-token', password: 'ghs_secret' };
const basic = `Basic ${Buffer.from('x-access-token:ghs_secret').toString('base64')}`;

/** Leads every request to the same path below `target`, with this status; with `wants`, only who sends it. */
async function openRedirector(
  context: TestContext,
  order: { readonly target: (path: string) => string; readonly status: number; readonly wants: string | null },
): Promise<{ readonly origin: string; readonly heard: (string | undefined)[] }> {
  const heard: (string | undefined)[] = [];
  const server: Server = createServer((request, response) => {
    const { authorization } = request.headers;
    heard.push(authorization);
    request.resume();
    if (order.wants !== null && authorization !== order.wants) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="here"' }).end();
      return;
    }
    response.writeHead(order.status, { location: order.target(request.url ?? '/') }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, heard };
}

async function openPlace(context: TestContext): Promise<{ root: string; sha: string; gitDir: string; git: Git }> {
  const root = await tempDir(context);
  const sha = makeRepo(join(root, 'work')).commit({ a: '1' });
  const git = createGit(process.env);
  const gitDir = join(root, 'fetched.git');
  await git.text(['init', '--bare', '--quiet', gitDir], {});
  return { root, sha, gitDir, git };
}

for (const status of [301, 302, 307, 308]) {
  for (const isPrivate of [true, false]) {
    const from = isPrivate ? 'a server that wants credentials' : 'an open server';
    test(`a redirect (${String(status)}) of ${from} takes no credentials along`, needs('git'), async (context) => {
      const { root, sha, gitDir, git } = await openPlace(context);
      const other = await openGitHttpServer(root);
      context.after(() => other[Symbol.asyncDispose]());
      const first = await openRedirector(context, {
        target: (path) => new URL(path, other.url).href,
        status,
        wants: isPrivate ? basic : null,
      });
      const config = gitCredential(first.origin, login);
      await git.text(['fetch', '--quiet', `${first.origin}/work/.git`, sha], { gitDir, config });
      assert.equal(first.heard.includes(basic), isPrivate);
      assert.ok(other.requests.length >= 2);
      assert.deepEqual([...new Set(other.requests.map(({ authorization }) => authorization))], [undefined]);
    });
  }
}

test('a server behind a redirect that wants credentials gets none', needs('git'), async (context) => {
  const { root, sha, gitDir, git } = await openPlace(context);
  const other = await openGitHttpServer(root, basic);
  context.after(() => other[Symbol.asyncDispose]());
  const first = await openRedirector(context, {
    target: (path) => new URL(path, other.url).href,
    status: 302,
    wants: null,
  });
  const config = gitCredential(first.origin, login);
  const args = ['fetch', '--quiet', `${first.origin}/work/.git`, sha];
  assert.notEqual((await git.run(args, { gitDir, config })).exitCode, 0);
  assert.ok(other.requests.length > 0);
  assert.ok(other.requests.every(({ authorization }) => authorization === undefined));
});

test(
  'a repository that was renamed on its own server is fetched with the credentials',
  needs('git'),
  async (context) => {
    const { root, sha, gitDir, git } = await openPlace(context);
    const server = await openGitHttpServer(root, basic, { renamed: { from: '/old/', to: '/work/' } });
    context.after(() => server[Symbol.asyncDispose]());
    const config = gitCredential(new URL(server.url).origin, login);
    const told: string[] = [];
    const onStderr = (bytes: Uint8Array): void => {
      told.push(Buffer.from(bytes).toString('utf8'));
    };
    const env = { GIT_TRACE: '1' };
    await git.text(['fetch', '--quiet', `${server.url}old/.git`, sha], { gitDir, config, env, onStderr });
    assert.ok(server.requests.some(({ url }) => url.startsWith('/old/')));
    // git's own trace names every program with its arguments.
    assert.match(told.join(''), /credential|run_command/);
    assert.doesNotMatch(told.join(''), /ghs_secret/);
  },
);

test(
  'whatever git starts may ask, as often as it likes, and finds the password in no environment',
  needs('git'),
  async () => {
    const git = createGit(process.env);
    const config = {
      ...gitCredential('https://a.example', login),
      'alias.asks': '!for i in 1 2 3; do printf "url=https://a.example\n\n" | git credential fill; done',
      'alias.elsewhere': '!printf "url=https://b.example\n\n" | git credential fill',
      'alias.environment': '!env',
    };
    const told = await git.text(['asks'], { config });
    assert.equal(told.match(/^password=ghs_secret$/gm)?.length, 3);
    assert.doesNotMatch((await git.run(['elsewhere'], { config })).stdout.toString(), /ghs_secret/);
    const seen = await git.text(['environment'], { config });
    assert.match(seen, /^GIT_CONFIG_KEY_\d+=credential\./m);
    assert.doesNotMatch(seen, /ghs_secret/);
  },
);

test('credentials with a line end, and addresses that are no origin, are refused', () => {
  assert.throws(() => gitCredential('https://a.example', { ...login, password: 'a\nhost=b' }), {
    code: 'git/bad-credential',
  });
  for (const origin of ['https://a.example/x', 'ssh://a.example', 'https://u@a.example', 'x']) {
    assert.throws(() => gitCredential(origin, login), { code: 'git/bad-credential' });
  }
});
