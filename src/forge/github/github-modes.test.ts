import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../../test/support/hand-clock.ts';
import { openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { TrustRule } from '../../core/trust-rule.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);
const nobody: TrustRule = { users: [], organisations: [], teams: [], permission: 'none' };

test('with a prefix our statuses stand beside the present CI’s, and are told apart', needs('git'), async (context) => {
  const world = await openGitHubWorld(context, { forge: { statuses: { kind: 'prefix', prefix: 'shadow/' } } });
  const { forge, repo, remembered } = world;
  const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
  await world.setPull(3, sha);
  const status = { repo, sha, context: 'unit', state: 'success', description: 'ours', targetUrl: null } as const;
  await forge.setStatus(status, signal());
  await forge.rememberApproval(repo, sha, 'ada', signal());
  // The present CI may well work with the same account.
  await remembered.setStatus(sha, 'crew-bot', { context: 'unit', state: 'failure', description: 'theirs' });
  const view = await forge.view(repo, `gh|${repo}|pull/3`, signal());
  assert.deepEqual(
    view?.statuses.map(({ context: name, state }) => [name, state]),
    [['unit', 'success']],
  );
  assert.deepEqual(
    view.foreign?.map(({ context: name, state }) => [name, state]),
    [['unit', 'failure']],
  );
  assert.deepEqual(view.approvedShas, [sha]);
  assert.deepEqual(
    (await remembered.statuses(sha)).map(({ context: name }) => name),
    ['shadow/unit', 'shadow/groundcrew/approval', 'unit'],
  );
});

test('in the dark nothing at all is written', needs('git'), async (context) => {
  const world = await openGitHubWorld(context, { forge: { statuses: { kind: 'none' } } });
  const { forge, repo, remembered, hub } = world;
  const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
  await world.setPull(3, sha);
  const id = await remembered.comment(3, remembered.maintainer, '/test');
  hub.forgetRequests();
  assert.equal(forge.remembersStatuses, false);
  await forge.setStatus({ repo, sha, context: 'unit', state: 'success', description: '', targetUrl: null }, signal());
  await forge.rememberApproval(repo, sha, 'ada', signal());
  await forge.markRequestDone(repo, id, signal());
  await forge.comment?.({ repo, pull: 3, text: 'x', marker: 'x' }, signal());
  await forge.keepIssue?.({ repo, key: 'k', title: 't', text: 'x', labels: [], isOpen: true }, signal());
  assert.equal(hub.requests.length, 0);
  const view = await forge.view(repo, `gh|${repo}|pull/3`, signal());
  assert.equal(view?.requests[0]?.isDone, false);
});

test('an Enterprise server is spoken to at its own addresses', needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  const forge = world.open({ apiUrl: `${world.hub.enterpriseUrl}/`, webUrl: `${world.hub.webUrl}/` });
  assert.equal((await forge.places(world.repo, signal())).length, 1);
  assert.equal((await forge.view(world.repo, `gh|${world.repo}|branch/main`, signal()))?.change.branch, 'main');
  assert.equal(forge.cloneUrl(world.repo), `${world.hub.webUrl}/acme/demo.git`);
});

const rules: readonly {
  readonly what: string;
  readonly rule: TrustRule;
  readonly is: 'trusted' | 'untrusted' | 'unknown';
}[] = [
  { what: 'nobody', rule: nobody, is: 'untrusted' },
  { what: 'users, whatever the case', rule: { ...nobody, users: ['Mallory'] }, is: 'trusted' },
  { what: 'an organisation’s members', rule: { ...nobody, organisations: ['acme'] }, is: 'trusted' },
  {
    what: 'members of an organisation where the App is not',
    rule: { ...nobody, organisations: ['other'] },
    is: 'unknown',
  },
  { what: 'a team’s members', rule: { ...nobody, teams: ['acme/crew'] }, is: 'trusted' },
  { what: 'a team that is not there', rule: { ...nobody, teams: ['acme/none'] }, is: 'untrusted' },
  { what: 'who was only invited to a team', rule: { ...nobody, teams: ['acme/invited'] }, is: 'untrusted' },
  { what: 'writers, for who only reads', rule: { ...nobody, permission: 'write' }, is: 'untrusted' },
];

for (const { what, rule, is } of rules) {
  test(`trust: ${what}`, needs('git'), async (context) => {
    const world = await openGitHubWorld(context, { as: 'app', repo: { trust: rule } });
    const { people } = world.hub;
    people.setMember('acme', 'mallory', 'member');
    people.setTeamMember('acme', 'crew', 'mallory');
    people.setTeamMember('acme', 'invited', 'mallory', 'pending');
    people.createOrganisation('other');
    people.setCollaborator(world.repo, 'mallory', 'triage');
    await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
    const view = await world.forge.view(world.repo, `gh|${world.repo}|pull/3`, signal());
    assert.equal(view?.change.trust, is);
  });
}

test(
  'a look-up that fails lets nobody in and nobody down, and the change is looked at again',
  needs('git'),
  async (context) => {
    const world = await openGitHubWorld(context, { repo: { trust: { ...nobody, organisations: ['acme'] } } });
    const { hub, forge, repo } = world;
    hub.people.setMember('acme', 'crew-bot', 'member');
    hub.people.setMember('acme', 'mallory', 'member');
    await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
    const fault = hub.faults.add({ does: 'answer', status: 422, path: /orgs/ });
    const key = `gh|${repo}|pull/3`;
    assert.equal((await forge.view(repo, key, signal()))?.change.trust, 'unknown');
    fault.lift();
    const listed = (await forge.places(repo, signal())).find((place) => place.changeKey === key);
    assert.equal(listed?.isDoubtful, true);
    assert.equal((await forge.view(repo, key, signal()))?.change.trust, 'trusted');
  },
);

test(
  'files that a pull request changes, with the old names of moved ones; of an older head nobody can say',
  needs('git'),
  async (context) => {
    const world = await openGitHubWorld(context);
    const { forge, repo } = world;
    await world.commit({ branch: 'main', files: { 'src/old': 'a long enough text to be found again\n'.repeat(5) } });
    const sha = await world.commit({
      branch: 'topic',
      files: { 'src/old': null, 'src/new': 'a long enough text to be found again\n'.repeat(5), 'docs/ü x': '1' },
    });
    await world.setPull(3, sha);
    const view = await forge.view(repo, `gh|${repo}|pull/3`, signal());
    const change = view?.change ?? assert.fail();
    const files = await forge.changedFiles(repo, change, signal());
    assert.deepEqual([...(files ?? [])].sort(), ['docs/ü x', 'src/new', 'src/old']);
    await world.setPull(3, await world.commit({ branch: 'topic', files: { other: '1' } }));
    assert.equal(await forge.changedFiles(repo, change, signal()), null);
  },
);

test('57 statuses of a push are spaced, and the forge says how many more may go', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openGitHubWorld(context, { fake: { clock } });
  const { forge, repo, hub } = world;
  const sha = (await forge.headOf(repo, 'main', signal())) ?? '';
  const began = clock.now();
  const timer = setInterval(() => {
    clock.pass(100);
  }, 1);
  context.after(() => {
    clearInterval(timer);
  });
  const posted: number[] = [];
  for (let i = 0; i < 57; i += 1) {
    const status = {
      repo,
      sha,
      context: `os-${i}`,
      state: 'pending',
      description: 'x'.repeat(200),
      targetUrl: null,
    } as const;
    await forge.setStatus(status, signal());
    posted.push(clock.now() - began);
  }
  assert.ok((posted[0] ?? 0) < 2000 && (posted.at(-1) ?? 0) < 65_000, posted.join());
  assert.equal(hub.people.statuses(repo, sha).length, 57);
  assert.ok(hub.people.statuses(repo, sha).every(({ description }) => description?.length === 140));
  const allowance = forge.writeAllowance?.(repo);
  assert.equal(allowance?.leftThisHour, 500 - 57);
  // After a restart the hour goes on.
  const again = world.open();
  await again.setStatus({ repo, sha, context: 'c', state: 'success', description: '', targetUrl: null }, signal());
  assert.equal(again.writeAllowance?.(repo).leftThisHour, 500 - 58);
});

test(
  'when the quota is used up, reads say when to come back, and go on when it is full',
  needs('git'),
  async (context) => {
    const clock = createHandClock(Date.now());
    const world = await openGitHubWorld(context, { fake: { clock } });
    const { forge, repo, hub, token } = world;
    await forge.places(repo, signal());
    const key = `user ID ${hub.world.tokens.get(token)?.kind === 'user' ? String(hub.world.accounts.get('crew-bot')?.id) : ''}`;
    hub.limits.leave(key, 'core', 0);
    await assert.rejects(forge.headOf(repo, 'main', signal()), (error) => {
      assert.ok(isGroundcrewError(error, 'forge/rate-limited'), String(error));
      return error.retry === 'later';
    });
    const asked = hub.requests.length;
    await assert.rejects(forge.headOf(repo, 'main', signal()), (error) =>
      isGroundcrewError(error, 'forge/rate-limited'),
    );
    assert.equal(hub.requests.length, asked, 'nothing is sent meanwhile');
    clock.pass(3_700_000);
    assert.match((await forge.headOf(repo, 'main', signal())) ?? '', /^[0-9a-f]{40}$/);
  },
);

const alone: readonly { readonly what: string; readonly rule: Partial<TrustRule>; readonly list: RegExp }[] = [
  { what: 'writers', rule: { permission: 'write' }, list: /collaborators\?/ },
  { what: 'members', rule: { organisations: ['acme'] }, list: /members\?/ },
  { what: 'a team', rule: { teams: ['acme/crew'] }, list: /members\?/ },
];

for (const { what, rule, list } of alone) {
  test(`trust: where ${what} cannot be listed, people are asked for one by one`, needs('git'), async (context) => {
    const world = await openGitHubWorld(context, { repo: { trust: { ...nobody, ...rule } } });
    const { hub, forge, repo } = world;
    hub.people.setMember('acme', 'crew-bot', 'admin');
    hub.people.setCollaborator(repo, 'crew-bot', 'admin');
    hub.faults.add({ does: 'answer', status: 403, path: list });
    await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
    await world.setPull(4, await world.commit({ branch: 'topic', files: { a: '2' } }));
    hub.people.comment(repo, 3, { by: 'ada', body: '/test' });
    assert.equal((await forge.view(repo, `gh|${repo}|pull/3`, signal()))?.change.trust, 'untrusted');
    if (what === 'writers') {
      assert.equal((await forge.view(repo, `gh|${repo}|pull/3`, signal()))?.requests[0]?.isRefused, undefined);
      hub.people.setCollaborator(repo, 'mallory', 'push');
    } else {
      hub.people.setMember('acme', 'mallory', 'member');
      hub.people.setTeamMember('acme', 'crew', 'mallory');
    }
    // What was said of people is remembered for a while; a new memory asks again.
    const fresh = world.open({ cacheFile: `${world.cacheFile}-2` });
    assert.equal((await fresh.view(repo, `gh|${repo}|pull/4`, signal()))?.change.trust, 'trusted');
  });
}

for (const { what, rule } of alone.slice(1)) {
  test(
    `trust: an App that lost the permission Members knows of nobody that they are not ${what}`,
    needs('git'),
    async (context) => {
      const clock = createHandClock();
      const world = await openGitHubWorld(context, {
        as: 'app',
        repo: { trust: { ...nobody, ...rule } },
        fake: { clock },
      });
      const { hub, repo, forge } = world;
      hub.people.setMember('acme', 'mallory', 'member');
      hub.people.setTeamMember('acme', 'crew', 'mallory');
      await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
      const trust = async (pull: number): Promise<string | undefined> =>
        (await forge.view(repo, `gh|${repo}|pull/${String(pull)}`, signal()))?.change.trust;
      assert.equal(await trust(3), 'trusted');
      const [installation] = [...hub.world.installations.values()];
      assert.ok(installation);
      const { members: _, ...rest } = installation.permissions;
      Object.assign(installation, { permissions: rest });
      clock.pass(3_600_000);
      assert.equal(await trust(3), 'unknown');
      Object.assign(installation, { permissions: { ...rest, members: 'read' } });
      hub.people.setMember('acme', 'mallory', null);
      hub.people.setTeamMember('acme', 'crew', 'mallory', null);
      clock.pass(3_600_000);
      assert.equal(await trust(3), 'untrusted');
    },
  );

  test(
    `trust: who is not in the organisation knows of nobody that they are not ${what}`,
    needs('git'),
    async (context) => {
      const world = await openGitHubWorld(context, { repo: { trust: { ...nobody, ...rule } } });
      const { hub, repo } = world;
      await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
      hub.people.setTeamMember('acme', 'crew', 'ada');
      const trust = async (cache: string): Promise<string | undefined> => {
        const forge = world.open({ cacheFile: `${world.cacheFile}-${cache}` });
        return (await forge.view(repo, `gh|${repo}|pull/3`, signal()))?.change.trust;
      };
      assert.equal(await trust('outside'), 'unknown');
      hub.people.setMember('acme', 'crew-bot', 'member');
      assert.equal(await trust('inside'), 'untrusted');
    },
  );
}
