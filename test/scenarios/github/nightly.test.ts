import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { openSteppedHouse } from '../../support/stepped-house.ts';

const [minute, hour] = [60_000, 3_600_000];

test('a nightly that fails opens one issue, and its success closes it', needs('git'), async (t) => {
  let isMended = false;
  const house = await openSteppedHouse(t, {
    contexts: ['one', 'two'],
    schedules: [
      { name: 'nightly', cron: '0 2 * * *', timezone: 'UTC', branch: 'main', contexts: ['**'], reportsIssue: true },
    ],
    runs: ({ context, occasion }) => ({
      ms: minute,
      outcome:
        occasion.startsWith('schedule:') && context === 'two' && !isMended
          ? { kind: 'failed', exitCode: 1, reason: 'exit' }
          : { kind: 'passed' },
    }),
  });
  const { hub, repo } = house.world;
  const issues = (): readonly { number: number; title: string; state: string; body: string | null }[] =>
    [...(hub.world.repos.get(repo)?.state.issues.values() ?? [])].filter(({ pull }) => pull === null);
  const nights = (): number =>
    new Set(house.ran.flatMap(({ occasion }) => (occasion.startsWith('schedule:') ? [occasion] : []))).size;
  const sha = hub.world.repos.get(repo)?.state.branches.get('main') ?? '';
  await house.passUntil(() => house.history(sha).filter(({ state }) => state === 'success').length === 2, 'green main');
  assert.deepEqual(issues(), []);
  const night = async (n: number): Promise<void> => {
    while (nights() < n) await house.pass(10 * minute, 10_000);
    await house.pass(5 * minute, 1_000);
  };

  await night(1);
  const [issue, ...others] = issues();
  assert.deepEqual([issue?.title, issue?.state, others], ['two fails on main', 'open', []]);
  assert.match(issue?.body ?? '', /`two` fails on `main` since 2026-11-22 02:0\d UTC, once\./);
  await house.pass(23.5 * hour, 10 * minute);
  await night(2);
  assert.deepEqual(
    issues().map(({ number, state }) => [number, state]),
    [[issue?.number, 'open']],
    'the same again opens no second one',
  );
  assert.match(issues()[0]?.body ?? '', /2 times in a row/);

  isMended = true;
  await house.pass(23.5 * hour, 10 * minute);
  await night(3);
  assert.deepEqual(
    issues().map(({ number, state }) => [number, state]),
    [[issue?.number, 'closed']],
  );
  assert.deepEqual(
    house.ran
      .filter(({ occasion }) => occasion.startsWith('schedule:'))
      .map(({ context }) => context)
      .sort(),
    ['one', 'one', 'one', 'two', 'two', 'two'],
    'an unchanged commit is tested at each slot',
  );
});
