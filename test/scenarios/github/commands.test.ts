import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

test('commands in comments are carried out, and answered', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t, {
    project: ['checks: [{context: one}, {context: two}, {context: by-hand, manual: true}]'],
  });
  const house = await story.up();
  const script = {
    script:
      '#!/bin/sh\necho "$TEST_REVISION $TEST_OS" >>"$GATE/started"\n[ "$TEST_OS" != two ] || [ -e "$GATE/hold-mended" ]\n',
  };
  const pull = await story.openPull({ files: { '.groundcrew/run': script } });
  const startedOf = (name: string): number => story.started().filter((line) => line.endsWith(` ${name}`)).length;
  await story.untilStatus(pull.sha, 'one', 'success');
  await story.untilStatus(pull.sha, 'two', 'failure');
  assert.deepEqual([startedOf('one'), startedOf('two'), startedOf('by-hand')], [1, 1, 0]);

  assert.equal(await story.say(pull, 'Thanks!\n\n/test by-*'), 'rocket');
  await story.untilStatus(pull.sha, 'by-hand', 'success');

  story.hold('mended');
  assert.equal(await story.say(pull, '/retry failed'), 'rocket');
  await story.untilStatus(pull.sha, 'two', 'success');
  assert.deepEqual([startedOf('one'), startedOf('two'), startedOf('by-hand')], [1, 2, 1]);

  const told = await story.say(pull, '/help', { says: /\/retry \[failed\].*\n[^]*`one`, `two`, `by-hand`/ });
  assert.equal(told, 'rocket');
  // Nobody is called by what we repeat.
  assert.equal(await story.say(pull, '/tset `@ada`', { says: /There is no `\/tset`. Did you mean/ }), 'confused');
  assert.equal(await story.say(pull, '/test thre*', { says: /Nothing here is called `thre\*`/ }), 'confused');
  // A quotation, code, and what a stranger wants, start nothing.
  story.people.comment('acme/demo', pull.number, { by: 'ada', body: '> /test one\n\n```\n/test one\n```\n' });
  assert.equal(await story.say(pull, '/test one', { by: 'mallory', says: /`\/test` was not carried out/ }), 'confused');
  await story.settled(house);
  assert.deepEqual([startedOf('one'), startedOf('two'), startedOf('by-hand')], [1, 2, 1]);
});

test('/cancel stops what runs, and /skip makes a context green with a reason', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t, { slots: 4, project: ['checks: [{context: one}, {context: two}]'] });
  await story.up();
  story.hold();
  const pull = await story.openPull();
  await until(() => story.started().length === 2, { within: 30_000, what: 'both to run' });
  assert.equal(await story.say(pull, '/cancel one'), 'rocket');
  await story.untilStatus(pull.sha, 'one', 'error', /^Canceled by ada$/);
  await story.untilStatus(pull.sha, 'two', 'pending');
  assert.equal(await story.say(pull, `/skip two the disk of the lab is broken`), 'rocket');
  await story.untilStatus(pull.sha, 'two', 'success', /^Skipped by ada: the disk of the lab is broken$/);
  story.release();
  assert.equal((await story.crew.cli('scan')).code, 0);
  assert.equal(story.statuses(pull.sha, 'two').at(-1)?.state, 'success');
  assert.equal(story.started().length, 2, 'neither is started again');
});

test('a pending status that says (direct trigger) starts the context', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t, { project: ['checks: [{context: one}, {context: by-hand, manual: true}]'] });
  const house = await story.up();
  const pull = await story.openPull();
  await story.untilStatus(pull.sha, 'one', 'success');
  const wish = { context: 'by-hand', state: 'pending', description: 'Not yet tested (direct trigger)' } as const;
  story.people.setStatus('acme/demo', pull.sha, { ...wish, by: 'ada' });
  await story.untilStatus(pull.sha, 'by-hand', 'success');
  // Strangers cannot set statuses on GitHub; one that could would not be heard.
  story.people.setStatus('acme/demo', pull.sha, { ...wish, context: 'one', by: 'mallory' });
  await story.settled(house);
  assert.deepEqual(story.started(), [`${pull.sha} one`, `${pull.sha} by-hand`]);
});
