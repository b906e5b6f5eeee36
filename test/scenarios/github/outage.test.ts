import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { openSteppedHouse } from '../../support/stepped-house.ts';

const minute = 60_000;

test('GitHub answers 502 for an hour: nothing is lost, and the verdicts arrive afterwards', needs('git'), async (t) => {
  const contexts = ['one', 'two', 'three'];
  const house = await openSteppedHouse(t, { contexts, runs: () => ({ ms: 5 * minute, outcome: { kind: 'passed' } }) });
  const { hub, repo } = house.world;
  const { people } = hub;
  const before = await people.commit(repo, { branch: 'topic', files: { a: '1' }, by: 'ada' });
  await people.openPull(repo, { branch: 'topic', by: 'ada' });
  await house.passUntil(() => house.history(before).length >= 3, 'a first word about each context');

  // The jobs run; from now on there is no API. What is pushed meanwhile is told of by hooks, which are another machine.
  const outage = hub.faults.add({ does: 'answer', status: 502, forMs: 60 * minute });
  await house.pass(10 * minute, 2_000);
  assert.equal(house.history(before).length, 3, 'nobody could be told');
  const during = await people.commit(repo, { branch: 'other', files: { a: '2' }, by: 'ada' });
  await people.openPull(repo, { branch: 'other', by: 'ada' });
  // One that nobody hears of, either.
  hub.faults.add({ does: 'lose-delivery', isLogged: false, forMs: minute });
  const unheard = await people.commit(repo, { branch: 'third', files: { a: '3' }, by: 'ada' });
  await people.openPull(repo, { branch: 'third', by: 'ada' });
  await house.pass(50 * minute, 2_000);
  assert.ok(outage.hits > 10, 'it was asked for again and again');
  assert.ok(outage.hits < 1_500, `not more than it can bear: ${String(outage.hits)} requests in an hour`);
  assert.equal(hub.requests.filter(({ status }) => status === 502).length, outage.hits);

  for (const sha of [before, during, unheard]) {
    await house.passUntil(
      () => house.history(sha).filter(({ state }) => state === 'success').length === contexts.length,
      `the verdicts of ${sha}`,
      30 * minute,
    );
  }
  await house.pass(minute);
  for (const sha of [before, during, unheard]) {
    const runs = house.ran.filter(({ subject }) => subject.sha === sha);
    assert.deepEqual(runs.map(({ context }) => context).sort(), [...contexts].sort(), 'each ran once');
    const finals = house.history(sha).filter(({ state }) => state !== 'pending');
    assert.equal(finals.length, contexts.length, 'each verdict was told once');
  }
  assert.deepEqual(await house.reader.parkedDeliveries(10), []);
});
