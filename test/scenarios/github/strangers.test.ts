import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

// What a terminal, a page or a line of text would take for its own: colours, right-to-left, line ends, markup, mentions.
const evilTitle = `\u001b[31mred\u001b[0m \u202egpj.exe\u202c <script>alert(1)</script> "'\`$(touch pwned)\` @everyone [x](javascript:1) `;
const evilBranch = '--upload-pack=touch${IFS}pwned;$(touch${IFS}pwned);`id`|cat&&ünï-\u202e-rtl';
const evilFiles = {
  '$(touch pwned)': 'x\n',
  '--upload-pack=touch pwned': 'x\n',
  'two\nlines': 'x\n',
  '\u001b[31mred\u202e': 'x\n',
  "it's;`id`|cat": 'x\n',
};

// Control characters other than the line end, and what turns the direction of text.
const unclean = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

test(
  "a stranger's pull request with an evil title, branch and files waits, shows clean, and then runs without secrets",
  needs('git', 'linux'),
  async (t) => {
    const story = await openGitHubCrew(t, {
      project: ['checks: [{context: test, secrets: [deploy]}]'],
      settings: ['secrets: {deploy: {env: DEPLOY_TOKEN}}'],
    });
    Object.assign(story.crew.env, { DEPLOY_TOKEN: 'hunter2-hunter2' });
    const house = await story.up();
    const spy = {
      script: [
        '#!/bin/sh',
        'echo "$TEST_REVISION test" >>"$GATE/started"',
        'echo "branch $TEST_BRANCH pull $TEST_PULL"',
        'ls; env',
        'if [ -e "$GROUNDCREW_SECRETS/deploy" ]; then echo "a secret is here"; fi',
        '',
      ].join('\n'),
    };
    const trusted = await story.openPull({ files: { '.groundcrew/run': spy } });
    await story.untilStatus(trusted.sha, 'test', 'success');
    assert.match((await house.ended(trusted.sha)).log, /a secret is here/, 'who is trusted has it');

    // GitHub takes titles of 256 characters; we take more.
    const title = evilTitle + 'x'.repeat(10_000);
    const pull = await story.openPull({
      isStrangers: true,
      branch: evilBranch,
      title,
      files: { ...evilFiles, '.groundcrew/run': spy },
    });
    const held = await story.untilStatus(pull.sha, 'groundcrew', 'pending', /\/ok-to-test/);
    assert.equal(held.description, `Waiting: a maintainer may comment /ok-to-test ${pull.sha}`);
    assert.deepEqual(
      (await house.runs()).filter(({ sha }) => sha === pull.sha),
      [],
    );
    assert.deepEqual(
      (await house.held()).map(({ change }) => change.headSha),
      [pull.sha],
    );
    for (const path of ['/', '/queue', '/deliveries']) {
      const text = await (await house.get(path)).text();
      assert.ok(!text.includes('<script>alert'), `${path} shows markup of a stranger`);
      assert.doesNotMatch(text, unclean, `${path} shows control characters`);
    }

    // A stranger cannot let it in; whatever the answer says.
    const refused = await story.say(pull, '/ok-to-test', { by: 'mallory', says: /was not carried out/ });
    assert.equal(refused, 'confused');
    assert.equal(story.started().filter((line) => line.startsWith(pull.sha)).length, 0);
    const approved = await story.say(pull, `/ok-to-test ${pull.sha}`);
    assert.equal(approved, 'rocket');
    await story.untilStatus(pull.sha, 'test', 'success');
    const { log, detail } = await house.ended(pull.sha);
    assert.doesNotMatch(log, /hunter2|a secret is here/);
    assert.equal(detail.summary.pull, pull.number);
    const page = await (await house.get(`/runs/${detail.summary.jobId}`)).text();
    assert.ok(!page.includes('<script>alert'));
    assert.doesNotMatch(page, unclean);
    for (const { description, context, targetUrl } of story.statuses(pull.sha)) {
      for (const text of [description ?? '', context, targetUrl ?? '']) {
        assert.ok(text.length <= 1024);
        assert.doesNotMatch(text, unclean);
      }
      assert.ok((description ?? '').length <= 140);
    }
    const listed = await story.crew.cli('runs');
    assert.doesNotMatch(listed.out, unclean);
    await story.people.editPull('acme/demo', pull.number, { state: 'closed' });
    await until(async () => (await house.held()).length === 0);
    assert.equal(story.started().length, 2);
    assert.equal(execFileSync('find', [story.crew.root, '-name', 'pwned']).toString(), '', 'no name was carried out');
    assert.doesNotMatch(house.program.err(), unclean, 'our own log is clean');
    assert.equal((await story.counted(house)).missed, 0);
  },
);

test('an approval is for one commit: the next push of the stranger waits again', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t);
  const house = await story.up();
  const pull = await story.openPull({ isStrangers: true });
  await story.untilStatus(pull.sha, 'groundcrew', 'pending', /\/ok-to-test/);
  assert.equal(await story.say(pull, `/ok-to-test ${pull.sha}`), 'rocket');
  await story.untilStatus(pull.sha, 'test', 'success');
  await story.untilStatus(pull.sha, 'groundcrew/approval', 'success', /^Approved by ada$/);

  const next = await story.push(pull, { 'topic.txt': 'now something else\n' });
  await story.untilStatus(next, 'groundcrew', 'pending', new RegExp(next.slice(0, 12)));
  // Asking again, in every way, while it is not approved.
  await story.say(pull, '/test', { says: /Nothing was started/ });
  const old = await story.say(pull, `/ok-to-test ${pull.sha.slice(0, 12)}`, { says: /newest commit/ });
  assert.equal(old, 'confused');
  assert.equal((await story.crew.cli('scan')).code, 0);
  await story.settled(house);
  assert.deepEqual(story.started(), [`${pull.sha} test`]);
  assert.deepEqual(
    story.statuses(next).map(({ context }) => context),
    ['groundcrew'],
  );

  assert.equal(await story.say(pull, `/ok-to-test ${next}`), 'rocket');
  await story.untilStatus(next, 'test', 'success');
  assert.deepEqual(story.started(), [`${pull.sha} test`, `${next} test`]);
});
