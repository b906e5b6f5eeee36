import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeRepo } from '../../../../test/support/git-repo.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import { tempDir } from '../../../../test/support/temp-dir.ts';
import type { FakeGitHub } from './fake-github.ts';

const run = promisify(execFile);
const env = { ...process.env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' };

/** git, in another process while this one serves. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  return (await run('git', args, { cwd, env })).stdout.trim();
}

function urlWith(github: FakeGitHub, token: string | null, repo = 'ada/tool'): string {
  const url = new URL(`${github.webUrl}/${repo}.git`);
  if (token !== null) [url.username, url.password] = ['x-access-token', token];
  return url.href;
}

test('git clones, fetches the head of a pull request, and one commit alone', needs('git'), async (context) => {
  const { github, main } = await openGitHubStage(context);
  const { people } = github;
  await people.fork('ada/tool', 'eve');
  const sha = await people.commit('eve/tool', { branch: 'fix', files: { a: '1\n' } });
  await people.openPull('ada/tool', { branch: 'fix', from: 'eve/tool' });
  const dir = await tempDir(context);
  await git(dir, 'clone', '-q', urlWith(github, null), 'tool');
  const clone = join(dir, 'tool');
  assert.equal(await git(clone, 'rev-parse', 'HEAD'), main);
  await git(clone, 'fetch', '-q', 'origin', 'refs/pull/1/head');
  assert.equal(await git(clone, 'rev-parse', 'FETCH_HEAD'), sha);
  const next = await people.commit('eve/tool', { branch: 'fix', files: { a: '2\n' } });
  await git(dir, 'init', '-q', 'shallow');
  const shallow = join(dir, 'shallow');
  await git(shallow, 'fetch', '-q', '--depth=1', urlWith(github, null), next);
  assert.equal(await git(shallow, 'show', 'FETCH_HEAD:a'), '2');
});

test('a push moves branches and pull requests, and is told', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const { people } = github;
  const hook = people.createHook('ada/tool', { url: `${github.url}/nowhere`, pings: false });
  const url = urlWith(github, people.createToken('ada'));
  const dir = await tempDir(context);
  const repo = makeRepo(join(dir, 'work'));
  const sha = repo.commit({ a: '1' });
  await git(repo.dir, 'push', '-q', url, 'HEAD:refs/heads/topic', 'HEAD:refs/tags/v1');
  assert.equal(github.world.repos.get('ada/tool')?.state.branches.get('topic'), sha);
  await people.openPull('ada/tool', { branch: 'topic' });
  const next = repo.commit({ a: '2' });
  await git(repo.dir, 'push', '-q', url, 'HEAD:topic');
  assert.equal(people.pull('ada/tool', 1).pull.head.sha, next);
  await git(repo.dir, 'push', '-q', url, ':topic');
  assert.equal(people.pull('ada/tool', 1).state, 'closed', 'its branch is gone');
  await github.delivered();
  const told = hook.deliveries.map(({ event, action }) => (action === null ? event : `${event}.${action}`));
  assert.deepEqual(told.sort(), [
    'create',
    'create',
    'delete',
    'pull_request.closed',
    'pull_request.opened',
    'pull_request.synchronize',
    ...Array<string>(4).fill('push'),
  ]);
});

test('a private repository, and every push, wants a token that may', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context, { isPrivate: true });
  const { people } = github;
  const dir = await tempDir(context);
  const repo = makeRepo(join(dir, 'work'));
  repo.commit({ a: '1' });
  const reads = (token: string | null): Promise<string> => git(dir, 'ls-remote', urlWith(github, token));
  const eve = people.createToken('eve');
  await assert.rejects(reads(null));
  await assert.rejects(reads('ghp_wrong'));
  await assert.rejects(reads(eve));
  assert.match(await reads(people.createToken('ada')), /refs\/heads\/main/);
  people.setCollaborator('ada/tool', 'eve', 'pull');
  assert.match(await reads(eve), /refs\/heads\/main/);
  await assert.rejects(git(repo.dir, 'push', '-q', urlWith(github, eve), 'HEAD:refs/heads/x'));
  people.setCollaborator('ada/tool', 'eve', 'push');
  await git(repo.dir, 'push', '-q', urlWith(github, eve), 'HEAD:refs/heads/x');
  await assert.rejects(git(repo.dir, 'push', '-q', urlWith(github, eve), 'HEAD:refs/pull/9/head'));
  people.deleteRepo('ada/tool');
  await assert.rejects(reads(people.createToken('ada')));
});
