import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../../test/support/hand-clock.ts';
import { type GitHubWorld, openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openScriptedHttp } from '../../../test/support/scripted-http.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { LoggedDelivery } from '../forge.ts';
import type { GitHubForge } from './github-forge.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

const troubles = async (forge: GitHubForge): Promise<string[]> =>
  (await forge.check(signal())).filter(({ ok }) => !ok).map(({ what }) => what);

async function hooked(
  context: Parameters<typeof openGitHubWorld>[0],
  as: 'token' | 'app',
  status = 202,
): Promise<GitHubWorld> {
  const receiver = await openScriptedHttp(context, () => ({ status }));
  const world = await openGitHubWorld(context, { as, forge: { webhookUrl: () => `${receiver.url}/webhook/github` } });
  const of = as === 'app' ? world.app : world.repo;
  world.hub.people.setCollaborator(world.repo, 'crew-bot', 'admin');
  world.hub.people.createHook(of, { url: `${receiver.url}/webhook/github`, secret: 'shared' });
  world.hub.people.createHook(world.repo, { url: `${receiver.url}/somebody/else`, secret: 'theirs' });
  await world.hub.delivered();
  return world;
}

for (const as of ['token', 'app'] as const) {
  test(`everything set up is found to be so, as ${as}`, needs('git'), async (context) => {
    const world = await hooked(context, as);
    const findings = await world.forge.check(signal());
    assert.deepEqual(
      findings.filter(({ ok }) => !ok),
      [],
    );
    assert.ok(findings.length >= 4);
    assert.equal(await world.forge.ownLogin(signal()), world.me);
  });

  test(
    `deliveries that were not taken are read from the log, whole and once, as ${as}`,
    needs('git'),
    async (context) => {
      const world = await hooked(context, as, 500);
      const { hub, forge, repo } = world;
      await world.setPull(4, await world.commit({ branch: 'topic', files: { a: '1' } }));
      hub.people.comment(repo, 4, { by: 'ada', body: '/test' });
      await hub.delivered();
      const logs = (await forge.deliveryLogs?.(signal())) ?? [];
      assert.equal(logs.length, 1, 'the hook that calls somebody else is not ours');
      const read = async (since: number, events: readonly string[]): Promise<LoggedDelivery[]> => {
        const found: LoggedDelivery[] = [];
        const choose = (lines: readonly { id: string; event: string }[]): Promise<ReadonlySet<string>> =>
          Promise.resolve(new Set(lines.filter(({ event }) => events.includes(event)).map(({ id }) => id)));
        for await (const delivery of logs[0]?.read(since, choose, signal()) ?? []) found.push(delivery);
        return found;
      };
      const [comment, ...others] = await read(0, ['issue_comment']);
      assert.deepEqual(others, []);
      assert.equal(comment?.isTaken, false);
      const body = JSON.parse(comment.body ?? '') as { action: string; comment: { body: string } };
      assert.deepEqual([body.action, body.comment.body], ['created', '/test']);
      assert.deepEqual(await read(Date.now() + 60_000, ['issue_comment']), []);
      assert.match((await troubles(forge)).join('\n'), /last delivery failed with 500/);
    },
  );
}

test('a token that is refused is said, and nothing else is asked for', needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  const forge = world.open({ auth: { kind: 'token', token: () => 'ghp_wrong' } });
  assert.match((await troubles(forge)).join('\n'), /does not accept the token/);
  await assert.rejects(forge.places(world.repo, signal()), (error) => {
    assert.ok(isGroundcrewError(error, 'forge/unauthorized'), String(error));
    assert.doesNotMatch(String(error), /ghp_wrong/);
    return error.retry === 'never';
  });
});

test('what is missing is named: hook, right to write, repository', needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  world.hub.people.setCollaborator(world.repo, 'crew-bot', 'pull');
  const found = await troubles(world.forge);
  assert.match(found.join('\n'), /no statuses may be written to acme\/demo/);
  assert.match(found.join('\n'), /webhook/);
  await world.breakIt();
  assert.match((await troubles(world.forge)).join('\n'), /acme\/demo is not there, or not for us/);
});

test('an App that is not installed, or suspended, is said; its calls may come back', needs('git'), async (context) => {
  const world = await openGitHubWorld(context, { as: 'app' });
  const { hub, forge, repo } = world;
  const [installation] = hub.world.installations.values();
  assert.ok(installation !== undefined);
  hub.people.setInstallation(installation, 'suspended');
  assert.match((await troubles(forge)).join('\n'), /suspended at acme/);
  hub.people.setInstallation(installation, 'deleted');
  assert.match((await troubles(forge)).join('\n'), /not installed at acme/);
  const late = world.open();
  await assert.rejects(late.places(repo, signal()), (error) => {
    assert.ok(isGroundcrewError(error, 'forge/not-installed'), String(error));
    return error.retry === 'later';
  });
});

test('an App that is installed elsewhere at its owner is said, though it may read', needs('git'), async (context) => {
  const { hub, forge, repo } = await openGitHubWorld(context, { as: 'app' });
  await hub.people.createRepo({ name: 'acme/other', files: { a: 'b' } });
  const [installation] = hub.world.installations.values();
  assert.ok(installation !== undefined);
  hub.people.setInstallationRepos(installation, ['acme/other']);
  assert.match((await troubles(forge)).join('\n'), new RegExp(`the App is not installed on ${repo}$`, 'm'));
});

test('an App without a webhook works, only worse; one of an unknown id does not', needs('git'), async (context) => {
  const world = await openGitHubWorld(context, {
    as: 'app',
    forge: { webhookUrl: () => 'https://ci.example.org/webhook/github' },
  });
  const found = (await world.forge.check(signal())).filter(({ ok }) => !ok);
  assert.deepEqual(
    found.map(({ what, isLesser }) => [what, isLesser]),
    [['the App has no webhook', true]],
  );
  assert.match(found[0]?.remedy ?? '', /https:\/\/ci\.example\.org\/webhook\/github/);
  world.hub.world.apps.clear();
  const [unknown, ...others] = await world.open().check(signal());
  assert.match(`${unknown?.what ?? ''}: ${unknown?.remedy ?? ''}`, /knows no App with this id: correct `app\.id`/);
  assert.deepEqual(others, []);
});

test('a hook without secret, or for another address, is said', needs('git'), async (context) => {
  const world = await openGitHubWorld(context, { forge: { webhookUrl: () => null } });
  world.hub.people.setCollaborator(world.repo, 'crew-bot', 'admin');
  world.hub.people.createHook(world.repo, { url: 'http://127.0.0.1:9/webhook/github', events: ['push'], pings: false });
  const found = (await troubles(world.forge)).join('\n');
  assert.match(found, /has no secret/);
  assert.match(found, /does not send the events pull_request, status, /);
});

test('one token of an installation serves all, and is renewed before it ends', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openGitHubWorld(context, { as: 'app', fake: { clock } });
  const { hub, forge, repo } = world;
  const minted = (): number => hub.requests.filter(({ path }) => path.includes('access_tokens')).length;
  await Promise.all([
    forge.places(repo, signal()),
    forge.headOf(repo, 'main', signal()),
    forge.view(repo, `gh|${repo}|branch/main`, signal()),
  ]);
  assert.equal(minted(), 1);
  clock.pass(45 * 60_000);
  await forge.headOf(repo, 'main', signal());
  assert.equal(minted(), 1);
  clock.pass(6 * 60_000);
  await forge.headOf(repo, 'main', signal());
  assert.equal(minted(), 2);
});

test(
  'an App reads a public repository where it is not installed, and writes nothing there',
  needs('git'),
  async (context) => {
    const world = await openGitHubWorld(context, { as: 'app' });
    const { hub, forge } = world;
    hub.people.createOrganisation('other');
    await hub.people.createRepo({ name: 'other/tests', files: { a: 'b' } });
    const sha = await forge.headOf('other/tests', 'main', signal());
    assert.match(sha ?? '', /^[0-9a-f]{40}$/);
    assert.equal(await forge.fileAt('other/tests', sha ?? '', 'a', signal()), 'b');
    assert.equal(await forge.pullHeadOf?.('other/tests', 1, signal()), null);
    const status = {
      repo: 'other/tests',
      sha: sha ?? '',
      context: 'c',
      state: 'success',
      description: '',
      targetUrl: null,
    } as const;
    await assert.rejects(forge.setStatus(status, signal()), (error) => isGroundcrewError(error, 'forge/unknown-repo'));
    for (const name of ['../x', 'a/..', 'a/b/c', 'a', 'a b/c', 'a/b?x']) {
      await assert.rejects(forge.headOf(name, 'main', signal()), (error) =>
        isGroundcrewError(error, 'forge/unknown-repo'),
      );
    }
  },
);
