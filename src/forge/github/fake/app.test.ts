import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { createHandClock, type HandClock } from '../../../../test/support/hand-clock.ts';
import { type Ask, asker } from '../../../../test/support/github-call.ts';
import { type GitHubStage, openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import type { CleansUp } from '../../../../test/support/temp-dir.ts';
import type { App } from './app-records.ts';

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const others = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();

function jwt(claims: unknown, key = keys.privateKey, alg = 'RS256'): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

interface Stage extends GitHubStage {
  readonly clock: HandClock;
  readonly app: App;
  readonly asApp: () => Ask;
  readonly asInstalled: (body?: unknown) => Promise<Ask>;
  readonly installationId: number;
}

async function open(context: CleansUp): Promise<Stage> {
  const clock = createHandClock();
  const stage = await openGitHubStage(context, { clock, isPrivate: true });
  const { people, url } = stage.github;
  const app = people.createApp({ slug: 'crew', owner: 'ada', publicKey });
  const installation = people.installApp(app, { account: 'ada', repos: ['ada/tool'] });
  const asApp = (): Ask => {
    const now = Math.floor(clock.now() / 1000);
    return asker(url, jwt({ iss: app.id, iat: now - 60, exp: now + 540 }));
  };
  const asInstalled = async (body?: unknown): Promise<Ask> => {
    const made = await asApp()(`POST /app/installations/${installation.id}/access_tokens`, body);
    return asker(url, (made.body as { token: string }).token);
  };
  return { ...stage, clock, app, asApp, asInstalled, installationId: installation.id };
}

test('an App reads itself and its installations, and gets a token for an hour', needs('git'), async (context) => {
  const { asApp, clock, github, installationId, main } = await open(context);
  assert.equal(((await asApp()('GET /app')).body as { slug: string }).slug, 'crew');
  const [one] = (await asApp()('GET /app/installations')).body as { id: number; account: { login: string } }[];
  assert.deepEqual([one?.id, one?.account.login], [installationId, 'ada']);
  assert.equal((await asApp()(`GET /app/installations/${installationId}`)).status, 200);
  assert.equal((await asApp()('GET /repos/ada/tool/installation')).status, 200);
  const made = (await asApp()(`POST /app/installations/${installationId}/access_tokens`)).body as {
    token: string;
    expires_at: string;
  };
  assert.equal(Date.parse(made.expires_at), clock.now() + 3_600_000);
  const ask = asker(github.url, made.token);
  const posted = await ask(`POST /repos/ada/tool/statuses/${main}`, { state: 'success' });
  assert.equal((posted.body as { creator: { login: string; type: string } }).creator.login, 'crew[bot]');
  const { repositories } = (await ask('GET /installation/repositories')).body as {
    repositories: { full_name: string }[];
  };
  assert.deepEqual(
    repositories.map((repo) => repo.full_name),
    ['ada/tool'],
  );
  const { body } = await ask('POST /graphql', { query: '{ viewer { login } }' });
  assert.deepEqual(body, { data: { viewer: { login: 'crew[bot]' } } });
  clock.pass(3_600_000);
  assert.equal((await ask('GET /installation/repositories')).status, 401);
});

test(
  'a JWT that is not signed by the key, too old, too long or of nobody is refused',
  needs('git'),
  async (context) => {
    const { app, clock, github } = await open(context);
    const now = Math.floor(clock.now() / 1000);
    const fine = { iss: app.id, iat: now - 60, exp: now + 540 };
    const status = async (token: string): Promise<number> => (await asker(github.url, token)('GET /app')).status;
    assert.equal(await status(jwt(fine)), 200);
    assert.equal(await status(jwt(fine, others.privateKey)), 401);
    assert.equal(await status(jwt(fine, keys.privateKey, 'none')), 401);
    assert.equal(await status(jwt({ ...fine, exp: now })), 401);
    assert.equal(await status(jwt({ ...fine, exp: now + 3600 })), 401);
    assert.equal(await status(jwt({ ...fine, iat: now + 120 })), 401);
    assert.equal(await status(jwt({ ...fine, iss: 1 })), 404);
    assert.equal(await status('a.b.c'), 401);
    assert.equal((await asker(github.url, jwt(fine))('GET /user')).status, 403, 'an App is nobody');
  },
);

test(
  'an installation does only what it has the permission for, and where it is installed',
  needs('git'),
  async (context) => {
    const { asInstalled, asApp, github, installationId, main } = await open(context);
    await github.people.createRepo({ name: 'ada/secret', isPrivate: true });
    const narrow = await asInstalled({ permissions: { contents: 'read' } });
    assert.equal((await narrow('GET /repos/ada/tool/contents/README.md')).status, 200);
    assert.equal((await narrow('GET /repos/ada/tool/pulls')).status, 403);
    assert.equal((await narrow(`POST /repos/ada/tool/statuses/${main}`, { state: 'success' })).status, 403);
    const wide = await asInstalled();
    assert.equal((await wide('GET /repos/ada/secret')).status, 404);
    assert.equal((await wide(`POST /repos/ada/tool/statuses/${main}`, { state: 'success' })).status, 201);
    const more = await asApp()(`POST /app/installations/${installationId}/access_tokens`, {
      permissions: { administration: 'write' },
    });
    assert.equal(more.status, 422);
    const elsewhere = await asApp()(`POST /app/installations/${installationId}/access_tokens`, {
      repositories: ['secret'],
    });
    assert.equal(elsewhere.status, 422);
  },
);

test('members and teams are seen by an App that may, and by members', needs('git'), async (context) => {
  const { as, asInstalled, asApp, github } = await open(context);
  const { people } = github;
  people.createOrganisation('crewmates');
  people.setMember('crewmates', 'ada', 'admin');
  people.setTeamMember('crewmates', 'core', 'ada');
  people.createUser('mia');
  people.setTeamMember('crewmates', 'core', 'mia', 'pending');
  const status = async (ask: Ask, path: string): Promise<number> => (await ask(`GET /orgs/crewmates/${path}`)).status;
  assert.equal(await status(as('ada'), 'members/ada'), 204);
  assert.equal(await status(as('ada'), 'members/eve'), 404);
  assert.equal(await status(as('eve'), 'members/ada'), 302);
  assert.equal(await status(as('ada'), 'teams/core/memberships/ada'), 200);
  assert.equal(await status(as('ada'), 'teams/core/memberships/eve'), 404);
  assert.equal(await status(as('eve'), 'teams/core/memberships/ada'), 404);
  const logins = async (login: string, path: string): Promise<readonly string[]> =>
    ((await as(login)(`GET /orgs/crewmates/${path}`)).body as { login: string }[]).map((one) => one.login);
  assert.deepEqual(await logins('ada', 'members'), ['ada']);
  assert.deepEqual(await logins('eve', 'members'), []);
  assert.deepEqual(await logins('ada', 'teams/core/members'), ['ada'], 'mia has not accepted yet');
  assert.equal(await status(as('eve'), 'teams/core/members'), 404);
  const { body } = await as('ada')('GET /orgs/crewmates/teams/core/memberships/mia');
  assert.equal((body as { state: string }).state, 'pending');
  assert.equal(await status(await asInstalled(), 'members/ada'), 302, 'it is installed elsewhere');
  const there = people.installApp([...github.world.apps.values()][0] ?? assert.fail(), { account: 'crewmates' });
  const made = await asApp()(`POST /app/installations/${there.id}/access_tokens`);
  assert.equal(await status(asker(github.url, (made.body as { token: string }).token), 'members/ada'), 204);
});

test('a suspended or deleted installation has no token any more', needs('git'), async (context) => {
  const { asInstalled, asApp, github, installationId } = await open(context);
  const ask = await asInstalled();
  const installation = github.world.installations.get(installationId) ?? assert.fail();
  github.people.setInstallation(installation, 'suspended');
  assert.equal((await ask('GET /repos/ada/tool')).status, 403);
  assert.equal((await asApp()(`POST /app/installations/${installationId}/access_tokens`)).status, 403);
  github.people.setInstallation(installation, 'active');
  assert.equal((await ask('GET /repos/ada/tool')).status, 200);
  github.people.setInstallationRepos(installation, []);
  github.people.setInstallation(installation, 'deleted');
  assert.equal((await ask('GET /repos/ada/tool')).status, 401);
});

test("an App's hook hears of all its repositories, with the installation", needs('git'), async (context) => {
  const { app, asApp, github } = await open(context);
  const { people } = github;
  const hook = people.createHook(app, { url: `${github.url}/nowhere`, secret: 's' });
  await people.createRepo({ name: 'ada/other' });
  people.createIssue('ada/tool', { title: 'not asked for', by: 'ada' });
  await people.commit('ada/tool', { branch: 'b', files: { a: '1' } });
  await people.commit('ada/other', { branch: 'b', files: { a: '1' } });
  const [installation] = [...github.world.installations.values()];
  people.setInstallationRepos(installation ?? assert.fail(), ['ada/tool', 'ada/other']);
  await people.commit('ada/other', { branch: 'c', files: { a: '1' } });
  people.setInstallation(installation ?? assert.fail(), 'suspended');
  people.setInstallation(installation ?? assert.fail(), 'active');
  people.setInstallation(installation ?? assert.fail(), 'deleted');
  await github.delivered();
  assert.deepEqual(hook.deliveries.map(({ event, action }) => [event, action].filter(Boolean).join('.')).sort(), [
    'create',
    'create',
    'installation.deleted',
    'installation.suspend',
    'installation.unsuspend',
    'installation_repositories.added',
    'ping',
    'push',
    'push',
  ]);
  const logged = (await asApp()('GET /app/hook/deliveries?per_page=1')).body as { id: number }[];
  assert.equal((await asApp()(`GET /app/hook/deliveries/${logged[0]?.id ?? 0}`)).status, 200);
  assert.equal((await asApp()(`POST /app/hook/deliveries/${logged[0]?.id ?? 0}/attempts`)).status, 202);
  assert.equal(((await asApp()('GET /app/hook/config')).body as { secret: string }).secret, '********');
  const push = hook.deliveries.find(({ event }) => event === 'push');
  assert.deepEqual(
    (JSON.parse(push?.payload ?? '') as { installation: { id: number } }).installation.id,
    installation?.id,
  );
});
