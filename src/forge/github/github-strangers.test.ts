import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

test("what a maintainer opens from a stranger's repository is a stranger's", needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  const { hub, forge, repo } = world;
  const head = await world.commit({ branch: 'topic', files: { a: '1' } });
  await hub.people.push('mallory/demo', { branch: 'topic', sha: head, from: repo, by: 'mallory' });
  await hub.people.openPull(repo, { branch: 'topic', from: 'mallory/demo', by: 'ada', number: 9 });
  await hub.people.openPull(repo, { branch: 'topic', by: 'ada', number: 10 });
  const look = async (pull: number): Promise<string | undefined> =>
    (await forge.view(repo, `gh|${repo}|pull/${pull}`, signal()))?.change.trust;
  assert.equal(await look(10), 'trusted');
  assert.equal(await look(9), 'untrusted', 'the author would vouch for whatever mallory pushes next');
  const listed = (await forge.places(repo, signal())).find(({ changeKey }) => changeKey.endsWith('/9'));
  assert.equal(listed?.isDoubtful, undefined, 'as long as nobody is let in, it is no news');
  hub.people.setCollaborator(repo, 'mallory', 'push');
  const later = world.open({ cacheFile: `${world.cacheFile}-later` });
  assert.equal((await later.view(repo, `gh|${repo}|pull/9`, signal()))?.change.trust, 'trusted');
});
