import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import { startFakeGitHub } from './fake-github.ts';
import { permissionOf } from './world.ts';

test(
  'an open pull request follows its branch, a closed one stays, and opens again where the branch is',
  needs('git'),
  async (context) => {
    const clock = createHandClock();
    const { github } = await openGitHubStage(context, { clock });
    const { people } = github;
    await people.fork('ada/tool', 'eve');
    const commit = (text: string): Promise<string> => people.commit('eve/tool', { branch: 'fix', files: { a: text } });
    const one = await commit('1');
    await people.openPull('ada/tool', { branch: 'fix', from: 'eve/tool' });
    const head = (): string => people.pull('ada/tool', 1).pull.head.sha;
    clock.pass(1000);
    const two = await commit('2');
    assert.equal(head(), two);
    assert.equal(people.pull('ada/tool', 1).updatedAt, clock.now());
    await people.editPull('ada/tool', 1, { state: 'closed' });
    const three = await commit('3');
    assert.equal(head(), two);
    await people.editPull('ada/tool', 1, { state: 'open' });
    assert.equal(head(), three);
    // A, B, then A again.
    await people.push('eve/tool', { branch: 'fix', sha: one });
    assert.equal(head(), one);
    await people.deleteBranch('eve/tool', 'fix');
    assert.deepEqual([people.pull('ada/tool', 1).state, head()], ['closed', one]);
    await assert.rejects(people.editPull('ada/tool', 1, { state: 'open' }), /no branch fix/);
  },
);

test(
  'a merge pushes the base and closes the pull request; what conflicts is not merged',
  needs('git'),
  async (context) => {
    const { github, main } = await openGitHubStage(context);
    const { people } = github;
    for (const [branch, text] of [
      ['one', '1\n'],
      ['two', '2\n'],
    ] as const) {
      await people.commit('ada/tool', { branch, parent: main, files: { same: text } });
      await people.openPull('ada/tool', { branch });
    }
    const merged = await people.mergePull('ada/tool', 1);
    assert.deepEqual([merged.state, merged.pull.mergedBy], ['closed', 'ada']);
    assert.equal(github.world.repos.get('ada/tool')?.state.branches.get('main'), merged.pull.mergeCommitSha);
    await assert.rejects(people.mergePull('ada/tool', 2), /conflicts with main/);
    await assert.rejects(people.editPull('ada/tool', 1, { state: 'open' }), /cannot be opened again/);
  },
);

test(
  'a permission is the strongest of owner, organisation, team, collaborator and everybody',
  needs('git'),
  async (context) => {
    const { github } = await openGitHubStage(context);
    const { people } = github;
    people.createOrganisation('crew');
    const open = await people.createRepo({ name: 'crew/open' });
    const secret = await people.createRepo({ name: 'crew/secret', isPrivate: true });
    const of = (login = 'EVE'): string[] => [permissionOf(open, login), permissionOf(secret, login)];
    assert.deepEqual(of(), ['pull', 'none']);
    people.setMember('crew', 'eve', 'member');
    assert.deepEqual(of(), ['pull', 'pull']);
    people.setTeamMember('crew', 'core', 'eve', 'pending');
    people.giveTeam('crew', 'core', { repo: 'crew/secret', permission: 'push' });
    assert.deepEqual(of(), ['pull', 'pull'], 'an invitation gives nothing');
    people.setTeamMember('crew', 'core', 'eve');
    assert.deepEqual(of(), ['pull', 'push']);
    people.setCollaborator('crew/open', 'eve', 'maintain');
    assert.deepEqual(of(), ['maintain', 'push']);
    people.setMember('crew', 'eve', 'admin');
    assert.deepEqual(of(), ['admin', 'admin']);
    people.setMember('crew', 'eve', null);
    assert.deepEqual(of(), ['maintain', 'none']);
  },
);

test('labels and issues are as people left them', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const { people } = github;
  const issue = people.createIssue('ada/tool', { title: 'T', labels: ['Bug', 'new'], by: 'eve' });
  people.label('ada/tool', issue.number, 'bug');
  people.label('ada/tool', issue.number, 'more');
  people.unlabel('ada/tool', issue.number, 'NEW');
  const closed = people.editIssue('ada/tool', issue.number, { state: 'closed' });
  assert.deepEqual([closed.labels, closed.stateReason, closed.closedBy], [['Bug', 'more'], 'completed', 'ada']);
  assert.throws(() => people.comment('ada/tool', 9, { body: 'x', by: 'eve' }), /has no #9/);
});

test('closing takes the repositories away, and is harmless while webhooks are on their way', needs('git'), async () => {
  const github = await startFakeGitHub();
  github.people.createUser('ada');
  await github.people.createRepo({ name: 'ada/tool' });
  github.faults.add({ does: 'delay-delivery', ms: 60_000 });
  github.people.createHook('ada/tool', { url: `${github.url}/nowhere` });
  await github.close();
  assert.ok(!existsSync(github.world.git.root));
  assert.deepEqual(github.troubles, []);
  await assert.rejects(fetch(github.url));
});
