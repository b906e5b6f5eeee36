import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';

test('a webhook is lost without a trace, and a scan finds the push', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t);
  const house = await story.up();
  const pull = await story.openPull();
  await story.untilStatus(pull.sha, 'test', 'success');
  await story.settled(house);
  const before = await story.counted(house);

  const lost = story.hub.faults.add({ does: 'lose-delivery', isLogged: false });
  const found: string[] = [];
  for (const text of ['once\n', 'twice\n']) {
    const next = await story.push(pull, { 'topic.txt': text });
    await story.settled(house);
    assert.deepEqual(story.history(next), [], 'nobody has told of it');
    const scanned = await story.crew.cli('scan');
    assert.equal(scanned.code, 0, scanned.err);
    assert.match(scanned.out, /acme\/demo: \d+ places, \d+ looked at, 1 changed/);
    await story.untilStatus(next, 'test', 'success');
    found.push(next);
  }
  assert.ok(lost.hits >= 4, 'each push has two events');
  const after = await story.counted(house);
  // An event may still tell of the second: a find counts when the next is made, or after ten minutes.
  assert.deepEqual(after, { ...before, byScan: before.byScan + 1 });
  assert.deepEqual(
    story.started(),
    [pull.sha, ...found].map((sha) => `${sha} test`),
  );
});

test('a webhook fails on its way, and the sweep finds it in the delivery log', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t);
  const pull = await story.openPull();
  const first = await story.up();
  await story.untilStatus(pull.sha, 'test', 'success');
  await story.settled(first);
  const before = await story.counted(first);
  assert.equal(before.bySweep, 0);

  // Nobody listens while the push is announced.
  await first.program.end('SIGKILL');
  const next = await story.push(pull, { 'topic.txt': 'changed\n' });
  await story.hub.delivered();
  const house = await story.up();
  await story.untilStatus(next, 'test', 'success');
  await story.settled(house);
  const after = await story.counted(house);
  assert.ok(after.bySweep >= 1, `${JSON.stringify(after)} says that the log had it`);
  assert.equal(after.missed, 0);
  assert.deepEqual(story.started(), [`${pull.sha} test`, `${next} test`]);
});
