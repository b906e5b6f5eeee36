import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';

test(
  'beside another CI, statuses have a prefix, and the report compares verdicts',
  needs('git', 'linux'),
  async (t) => {
    const story = await openGitHubCrew(t, {
      statuses: "{prefix: 'crew/'}",
      project: ['checks: [{context: one}, {context: two}]'],
    });
    const house = await story.up();
    story.people.createUser('other-ci');
    const pull = await story.openPull({ files: { code: '1\n' } });
    const strangers = await story.openPull({ isStrangers: true });
    await story.untilStatus(pull.sha, 'crew/one', 'failure');
    await story.untilStatus(pull.sha, 'crew/two', 'failure');
    await story.untilStatus(strangers.sha, 'crew/groundcrew', 'pending', /ok-to-test/);
    for (const [context, state] of [
      ['one', 'success'],
      ['two', 'failure'],
    ] as const) {
      story.people.setStatus('acme/demo', pull.sha, { context, state, description: 'theirs', by: 'other-ci' });
    }
    assert.equal(await story.say(strangers, `/ok-to-test ${strangers.sha}`), 'eyes');
    await story.untilStatus(strangers.sha, 'crew/groundcrew/approval', 'success');
    await story.untilStatus(strangers.sha, 'crew/two', 'success');
    await story.settled(house);

    for (const { sha } of [pull, strangers]) {
      assert.deepEqual(
        story.statuses(sha).filter(({ context }) => !context.startsWith('crew/')),
        [],
      );
    }
    const report = await story.crew.cli('shadow', 'report');
    assert.equal(report.code, 0, report.err);
    assert.match(report.out, /^1 of 2 verdicts are the same \(50\.0 %\)\.$/m);
    assert.match(report.out, /acme\/demo {2}one\n.*1 we red, they green/);
    assert.match(report.out, new RegExp(`differs at ${pull.sha.slice(0, 12)}: ours failure, theirs success`));
  },
);

test('with statuses: none the forge is told nothing at all', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t, { statuses: 'none' });
  const house = await story.up();
  const pull = await story.openPull();
  await house.ended(pull.sha);
  const said = story.people.comment('acme/demo', pull.number, { by: 'ada', body: '/help' });
  await story.settled(house);
  assert.deepEqual(story.people.statuses('acme/demo', pull.sha), []);
  assert.deepEqual(
    story.people.comments('acme/demo', pull.number).map(({ id, reactions }) => [id, reactions.length]),
    [[said.id, 0]],
  );
  const writes = story.hub.requests.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/graphql'));
  assert.deepEqual(
    writes.filter(({ path }) => !path.includes('git-upload-pack')),
    [],
  );
});
