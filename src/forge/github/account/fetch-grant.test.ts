import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asker } from '../../../../test/support/github-call.ts';
import { openGitHubWorld, type GitHubWorld } from '../../../../test/support/github-world.ts';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { needs } from '../../../../test/support/needs.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);
const minted = ({ hub }: GitHubWorld): number =>
  hub.requests.filter(({ method, path }) => method === 'POST' && path.includes('access_tokens')).length;

/** Two private repositories of one account; what `as` is has the right to read both. */
async function openPrivate(
  context: Parameters<typeof openGitHubWorld>[0],
  settings: Parameters<typeof openGitHubWorld>[1],
) {
  const world = await openGitHubWorld(context, settings);
  for (const name of ['acme/mine', 'acme/theirs']) {
    await world.hub.people.createRepo({ name, isPrivate: true, files: { a: 'b' } });
    world.hub.people.setCollaborator(name, 'crew-bot', 'push');
  }
  return world;
}

test(
  'what an App grants reads the contents of the one repository, and nothing else anywhere',
  needs('git'),
  async (context) => {
    const world = await openPrivate(context, { as: 'app' });
    const head = await world.hub.people.commit('acme/mine', { branch: 'main', files: { c: 'd' } });
    const grant = await world.forge.fetchGrant?.('acme/mine', signal());
    assert.equal(grant?.username, 'x-access-token');
    const ask = asker(world.hub.url, grant.password);
    assert.equal((await ask('GET /repos/acme/mine/contents/a')).status, 200);
    assert.equal((await ask(`POST /repos/acme/mine/statuses/${head}`, { state: 'success' })).status, 403, 'no status');
    assert.equal((await ask('GET /repos/acme/mine/pulls')).status, 403, 'no pull requests');
    const git = async (service: string, repo = 'acme/mine'): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${grant.username}:${grant.password}`).toString('base64')}`;
      const url = `${world.hub.webUrl}/${repo}.git/info/refs?service=git-${service}`;
      const answer = await fetch(url, { headers: { authorization } });
      await answer.arrayBuffer();
      return answer.status;
    };
    assert.equal(await git('upload-pack'), 200);
    assert.equal(await git('receive-pack'), 403, 'no push');
    assert.equal(await git('upload-pack', 'acme/theirs'), 404);
    assert.equal((await ask('GET /repos/acme/theirs/contents/a')).status, 404, 'no other repository');
    assert.notEqual((await ask('GET /app')).status, 200, 'it is not the App');
    const { repositories } = (await ask('GET /installation/repositories')).body as {
      repositories: { full_name: string }[];
    };
    assert.deepEqual(
      repositories.map(({ full_name: name }) => name),
      ['acme/mine'],
    );
  },
);

test(
  'a granted token is shared by the attempts of its repository, and by no other one, until 20 minutes of it are left',
  needs('git'),
  async (context) => {
    const clock = createHandClock(Date.now());
    const world = await openPrivate(context, { as: 'app', fake: { clock } });
    const give = async (repo: string): Promise<string | undefined> =>
      (await world.forge.fetchGrant?.(repo, signal()))?.password;
    const [first, second, third] = await Promise.all([give('acme/mine'), give('Acme/Mine'), give('acme/theirs')]);
    assert.equal(first, second);
    assert.notEqual(first, third);
    assert.equal(minted(world), 2);
    clock.pass(39 * 60_000);
    assert.equal(await give('acme/mine'), first);
    clock.pass(60_000);
    const renewed = await give('acme/mine');
    assert.notEqual(renewed, first);
    assert.equal((await asker(world.hub.url, renewed ?? '')('GET /repos/acme/mine/contents/a')).status, 200);
  },
);

test('a token that was refused is replaced, once for all who were refused together', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openPrivate(context, { as: 'app', fake: { clock } });
  const give = async (isRefused: boolean): Promise<string> =>
    (await world.forge.fetchGrant?.('acme/mine', signal(), isRefused))?.password ?? '';
  const first = await give(false);
  world.hub.people.revokeToken(first);
  assert.equal(await give(false), first, 'nobody has said so yet');
  const others = [...(await Promise.all([give(true), give(true)])), await give(true), await give(false)];
  assert.equal(new Set(others).size, 1);
  assert.notEqual(others[0], first);
  assert.equal((await asker(world.hub.url, others[0] ?? '')('GET /repos/acme/mine/contents/a')).status, 200);
  clock.pass(10_000);
  assert.notEqual(await give(true), others[0], 'this one may have died as well');
  assert.equal(minted(world), 3);
});

test(
  'where the App is not installed, or not for this repository, there is nothing to grant',
  needs('git'),
  async (context) => {
    const world = await openPrivate(context, { as: 'app' });
    world.hub.people.createOrganisation('other');
    await world.hub.people.createRepo({ name: 'other/tests', files: { a: 'b' } });
    assert.equal(await world.forge.fetchGrant?.('other/tests', signal()), null);
    assert.equal(await world.forge.fetchGrant?.('no repository', signal()), null);
    const [installation] = world.hub.world.installations.values();
    assert.ok(installation !== undefined);
    world.hub.people.setInstallationRepos(installation, ['acme/mine']);
    assert.equal(await world.forge.fetchGrant?.('acme/theirs', signal()), null, 'installed, but not for this one');
    assert.notEqual(await world.forge.fetchGrant?.('acme/mine', signal()), null);
  },
);

for (const to of ['deleted', 'suspended'] as const) {
  test(
    `an installation that was ${to} since it was listed has nothing to grant, so that no job waits for it`,
    needs('git'),
    async (context) => {
      const world = await openPrivate(context, { as: 'app' });
      assert.notEqual(await world.forge.fetchGrant?.('acme/mine', signal()), null);
      const [installation] = world.hub.world.installations.values();
      assert.ok(installation !== undefined);
      world.hub.people.setInstallation(installation, to);
      const before = minted(world);
      assert.equal(await world.forge.fetchGrant?.('acme/theirs', signal()), null);
      assert.equal(minted(world), before + 1, 'GitHub itself said so');
    },
  );
}

test(
  'our own token, which may write, is granted to nobody; the one that is set apart for it is',
  needs('git'),
  async (context) => {
    const world = await openPrivate(context, {});
    assert.equal('fetchGrant' in world.forge, false);
    let readOnly = 'reads-1';
    const forge = world.open({ auth: { kind: 'token', token: () => world.token, fetchToken: () => readOnly } });
    assert.deepEqual(await forge.fetchGrant?.('acme/mine', signal()), {
      username: 'x-access-token',
      password: 'reads-1',
    });
    readOnly = 'reads-2';
    assert.equal((await forge.fetchGrant?.('acme/mine', signal()))?.password, 'reads-2', 'read anew each time');
  },
);

test(
  'a refusal of our key is no answer about the repository: whoever asks waits, and does not go without',
  needs('git'),
  async (context) => {
    const world = await openPrivate(context, { as: 'app' });
    world.hub.faults.add({ does: 'answer', status: 401, method: 'POST', path: /access_tokens/ });
    await assert.rejects(world.forge.fetchGrant?.('acme/mine', signal()) ?? Promise.resolve(), {
      code: 'forge/unauthorized',
    });
  },
);

test('where nothing was granted, the words say what to do, and where', needs('git'), async (context) => {
  const app = await openPrivate(context, { as: 'app' });
  assert.match(app.forge.fetchHint?.('acme/mine') ?? '', /App has to be installed for acme\/mine.*Settings of acme/);
  const forge = app.open({ auth: { kind: 'token', token: () => app.token, fetchToken: () => 'reads' } });
  assert.match(forge.fetchHint?.('acme/mine') ?? '', /fetchToken has to be one that may read acme\/mine/);
});
