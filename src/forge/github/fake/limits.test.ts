import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import { until } from '../../../../test/support/until.ts';

test('a quota is counted in headers, ends in 403, and comes back with its hour', needs('git'), async (context) => {
  const clock = createHandClock();
  const { ask } = await openGitHubStage(context, { clock, limits: { corePerHour: 3 } });
  const left: (string | null)[] = [];
  for (let i = 0; i < 3; i += 1) left.push((await ask('GET /user')).headers.get('x-ratelimit-remaining'));
  assert.deepEqual(left, ['2', '1', '0']);
  const refused = await ask('GET /user');
  assert.equal(refused.status, 403);
  assert.match((refused.body as { message: string }).message, /^API rate limit exceeded for user ID \d+\.$/);
  const header = (name: string): string | null => refused.headers.get(`x-ratelimit-${name}`);
  assert.deepEqual([header('limit'), header('remaining'), header('used'), header('resource')], ['3', '0', '3', 'core']);
  assert.equal(Number(header('reset')), clock.now() / 1000 + 3600);
  assert.equal(Date.parse(refused.headers.get('date') ?? ''), clock.now(), 'by the same clock');
  assert.equal(refused.headers.get('retry-after'), null);
  const asked = await ask('GET /rate_limit');
  assert.equal(asked.status, 200, 'asking for the quota is free');
  assert.equal((asked.body as { resources: { core: { remaining: number } } }).resources.core.remaining, 0);
  clock.pass(3_600_000);
  assert.equal((await ask('GET /user')).headers.get('x-ratelimit-remaining'), '2');
});

test('each account has a quota of its own, and nobody has sixty', needs('git'), async (context) => {
  const { as } = await openGitHubStage(context, { clock: createHandClock() });
  assert.equal((await as('ada')('GET /user')).headers.get('x-ratelimit-remaining'), '4999');
  assert.equal((await as('ada')('GET /user')).headers.get('x-ratelimit-remaining'), '4998', 'whatever the token');
  assert.equal((await as('eve')('GET /user')).headers.get('x-ratelimit-remaining'), '4999');
  assert.equal((await as(null)('GET /meta')).headers.get('x-ratelimit-limit'), '60');
});

test('what is unchanged costs nothing of the quota', needs('git'), async (context) => {
  const { github, ask, as } = await openGitHubStage(context, { clock: createHandClock() });
  const first = await ask('GET /repos/ada/tool/pulls');
  const tag = { 'if-none-match': first.headers.get('etag') ?? '' };
  const again = await ask('GET /repos/ada/tool/pulls', undefined, tag);
  assert.deepEqual([again.status, again.body], [304, null]);
  assert.equal(again.headers.get('x-ratelimit-remaining'), first.headers.get('x-ratelimit-remaining'));
  assert.equal(again.headers.get('etag'), first.headers.get('etag'));
  const other = await as('eve')('GET /repos/ada/tool/pulls', undefined, tag);
  assert.equal(other.status, 200, 'a tag is good for who got it');
  await github.people.commit('ada/tool', { branch: 'b', files: { a: '1' } });
  await github.people.openPull('ada/tool', { branch: 'b' });
  const changed = await ask('GET /repos/ada/tool/pulls', undefined, tag);
  assert.equal(changed.status, 200);
  assert.equal(Number(changed.headers.get('x-ratelimit-remaining')), 4998);
});

test('the time of the last change makes a request conditional, too', needs('git'), async (context) => {
  const clock = createHandClock();
  const { github, ask } = await openGitHubStage(context, { clock });
  github.people.createIssue('ada/tool', { title: 'T', by: 'ada' });
  const first = await ask('GET /repos/ada/tool/issues/1');
  const since = { 'if-modified-since': first.headers.get('last-modified') ?? '' };
  assert.equal((await ask('GET /repos/ada/tool/issues/1', undefined, since)).status, 304);
  clock.pass(1000);
  github.people.editIssue('ada/tool', 1, { title: 'U' });
  assert.equal((await ask('GET /repos/ada/tool/issues/1', undefined, since)).status, 200);
});

test('the 81st piece of content within a minute is refused, with the time to wait', needs('git'), async (context) => {
  const clock = createHandClock();
  const { ask, as, main, github } = await openGitHubStage(context, { clock });
  const post = (by = ask): ReturnType<typeof ask> => by(`POST /repos/ada/tool/statuses/${main}`, { state: 'pending' });
  for (let i = 0; i < 80; i += 1) {
    assert.equal((await post()).status, 201);
    if (i === 9) clock.pass(20_000);
  }
  const refused = await post();
  assert.equal(refused.status, 403);
  assert.match((refused.body as { message: string }).message, /^You have exceeded a secondary rate limit/);
  assert.equal(refused.headers.get('retry-after'), '40');
  assert.notEqual(refused.headers.get('x-ratelimit-remaining'), '0');
  assert.equal((await ask('GET /user')).status, 200, 'reading goes on');
  assert.equal(github.people.statuses('ada/tool', main).length, 80, 'what is refused changes nothing');
  github.people.setCollaborator('ada/tool', 'eve', 'push');
  assert.equal((await post(as('eve'))).status, 201, 'others write on');
  clock.pass(40_000);
  for (let i = 0; i < 10; i += 1) assert.equal((await post()).status, 201);
  assert.equal((await post()).status, 403);
});

test('the 501st piece of content within an hour is refused', needs('git'), async (context) => {
  const clock = createHandClock();
  const { ask, main } = await openGitHubStage(context, { clock });
  const post = async (): Promise<number> =>
    (await ask(`POST /repos/ada/tool/statuses/${main}`, { state: 'pending', context: String(clock.now()) })).status;
  for (let i = 0; i < 500; i += 1) {
    assert.equal(await post(), 201);
    clock.pass(1000);
  }
  assert.equal(await post(), 403);
  clock.pass(3_600_000 - 500_000);
  assert.equal(await post(), 201);
});

test('points of a minute are limited: a read is one, a write five', needs('git'), async (context) => {
  const clock = createHandClock();
  const { ask } = await openGitHubStage(context, { clock, limits: { pointsPerMinute: 12 } });
  const write = { labels: ['x'] };
  assert.equal((await ask('POST /repos/ada/tool/labels', { name: 'x' })).status, 201);
  assert.equal((await ask('POST /repos/ada/tool/labels', { name: 'y' })).status, 201);
  assert.equal((await ask('POST /repos/ada/tool/labels', write)).status, 403);
  assert.equal((await ask('GET /user')).status, 200);
  assert.equal((await ask('GET /user')).status, 200);
  assert.equal((await ask('GET /user')).headers.get('retry-after'), '60');
  clock.pass(60_000);
  assert.equal((await ask('GET /user')).status, 200);
});

test('limits may be said with 429 instead, as GitHub sometimes does', needs('git'), async (context) => {
  const { ask } = await openGitHubStage(context, { limits: { corePerHour: 2, contentPerMinute: 0, status: 429 } });
  const secondary = await ask('POST /repos/ada/tool/labels', { name: 'x' });
  assert.deepEqual([secondary.status, secondary.headers.get('retry-after')], [429, '60']);
  for (let i = 0; i < 2; i += 1) await ask('GET /user');
  const primary = await ask('GET /user');
  assert.deepEqual([primary.status, primary.headers.get('x-ratelimit-remaining')], [429, '0']);
});

test('more requests at once than may be are refused', needs('git'), async (context) => {
  const { github, ask } = await openGitHubStage(context, { limits: { concurrent: 2 } });
  const { id } = github.world.accounts.get('ada') ?? { id: 0 };
  const demand = { key: `user ID ${id}`, resource: 'core', isWrite: false, isContent: false } as const;
  assert.equal(github.limits.admit(demand), null);
  assert.equal(github.limits.admit(demand), null);
  assert.equal((await ask('GET /user')).status, 403);
  github.limits.done(demand.key);
  await until(async () => (await ask('GET /user')).status === 200);
});
