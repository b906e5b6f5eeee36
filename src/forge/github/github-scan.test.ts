import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { createHandClock } from '../../../test/support/hand-clock.ts';
import { type GitHubWorld, openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { PlaceSeen, PlaceView } from '../forge.ts';
import type { GitHubForge } from './github-forge.ts';
import { type GitHubMeter, silentMeter } from './github-meter.ts';

const signal = (): AbortSignal => AbortSignal.timeout(60_000);

async function lookAtAll(forge: GitHubForge, repo: string): Promise<Map<string, PlaceView | null>> {
  const keys = (await forge.places(repo, signal())).map(({ changeKey }) => changeKey);
  const seen = new Map<string, PlaceView | null>();
  for await (const { changeKey, view } of forge.views?.(repo, keys, signal()) ?? []) seen.set(changeKey, view);
  return seen;
}

async function fill(world: GitHubWorld, pulls: number, contexts: number): Promise<void> {
  const { hub, repo } = world;
  const branches = Array.from({ length: pulls }, (_, i) => `b${i}`);
  const shas = await hub.people.commitMany(
    'mallory/demo',
    branches.map((branch) => ({ branch, files: { [branch]: '1' } })),
  );
  await hub.people.openPulls(
    repo,
    branches.map((branch) => ({ branch, from: 'mallory/demo', by: 'mallory' })),
  );
  for (const sha of shas) {
    for (let i = 0; i < contexts; i += 1) {
      hub.people.setStatus(repo, sha, {
        by: 'crew-bot',
        context: `os-${i}/verify`,
        state: 'success',
        description: 'ok',
      });
    }
  }
  await hub.delivered();
}

test('a cold scan takes a request for many pull requests, a second one no quota', needs('git'), async (context) => {
  let notModified = 0;
  const metrics: GitHubMeter = {
    ...silentMeter,
    saved: ({ by }) => void (notModified += by === 'not-modified' ? 1 : 0),
  };
  const world = await openGitHubWorld(context, { repo: { branches: ['main'] }, forge: { metrics } });
  // What a context costs is bytes, not requests; bench/scan.ts does it with 500 pull requests of 57 contexts.
  const pulls = 150;
  await fill(world, pulls, 3);
  const { hub, forge, repo } = world;
  hub.forgetRequests();
  const began = performance.now();
  const views = await lookAtAll(forge, repo);
  context.diagnostic(`cold: ${hub.requests.length} requests, ${Math.round(performance.now() - began)} ms`);
  assert.equal(views.size, pulls + 1);
  assert.ok([...views.values()].every((view) => view?.change.pull === null || view?.statuses.length === 3));
  assert.ok(hub.requests.length <= 0.12 * pulls + 5, `${hub.requests.length} requests`);
  hub.forgetRequests();
  hub.faults.latencyMs = 50;
  const again = performance.now();
  const listed = await forge.places(repo, signal());
  context.diagnostic(
    `unchanged: ${hub.requests.length} requests, ${Math.round(performance.now() - again)} ms at 50 ms latency`,
  );
  assert.equal(listed.length, pulls + 1);
  // A pull request whose author is a stranger still has its version: nothing needs to be looked at.
  assert.ok(
    listed.every(({ changeKey, version }) => version === undefined || version === views.get(changeKey)?.change.version),
  );
  assert.ok(listed.filter(({ version }) => version !== undefined).length === pulls);
  assert.equal(notModified, hub.requests.length, 'every request of an unchanged re-scan is answered 304');
});

test(
  'a query that is too much for GitHub is halved, and one bad place stops no other',
  needs('git'),
  async (context) => {
    const hasty: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 100, fire) };
    const world = await openGitHubWorld(context, { forge: { clock: hasty } });
    await fill(world, 24, 1);
    world.hub.faults.add({ does: 'answer', status: 500, path: /graphql/, times: 4 });
    const views = await lookAtAll(world.forge, world.repo);
    assert.equal(views.size, 25);
  },
);

test('a stale replica is asked again', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openGitHubWorld(context, { fake: { clock } });
  const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
  await world.setPull(5, sha);
  const key = `gh|${world.repo}|pull/5`;
  clock.pass(10_000);
  const first = await world.forge.view(world.repo, key, signal());
  clock.pass(10_000);
  await world.remembered.retitle(5, 'new');
  await world.forge.places(world.repo, signal());
  world.hub.faults.add({ does: 'lag', behindMs: 5_000, path: /graphql/, times: 1 });
  const looking = world.forge.view(world.repo, key, signal());
  const timer = setInterval(() => {
    clock.pass(600);
  }, 20);
  context.after(() => {
    clearInterval(timer);
  });
  const second = await looking;
  assert.notEqual(first?.change.title, 'new');
  assert.equal(second?.change.title, 'new');
});

test('a stranger who is let in is looked at again, though the change is as it was', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openGitHubWorld(context, { fake: { clock } });
  await world.setPull(5, await world.commit({ branch: 'topic', files: { a: '1' } }));
  const key = `gh|${world.repo}|pull/5`;
  const listed = async (): Promise<PlaceSeen | undefined> =>
    (await world.forge.places(world.repo, signal())).find((place) => place.changeKey === key);
  assert.equal((await world.forge.view(world.repo, key, signal()))?.change.trust, 'untrusted');
  assert.equal((await listed())?.isDoubtful, undefined);
  world.hub.people.setCollaborator(world.repo, 'mallory', 'push');
  clock.pass(3 * 60_000);
  assert.equal((await listed())?.isDoubtful, true, 'worth a look');
  assert.equal((await world.forge.view(world.repo, key, signal()))?.change.trust, 'trusted');
  assert.equal((await listed())?.isDoubtful, undefined);
  world.hub.people.setCollaborator(world.repo, 'mallory', 'pull');
  clock.pass(11 * 60_000);
  assert.equal((await listed())?.isDoubtful, true, 'a right that is gone');
  assert.equal((await world.forge.view(world.repo, key, signal()))?.change.trust, 'untrusted');
  assert.equal((await listed())?.isDoubtful, undefined);
});

test('what nobody can tell of people is left open, is no news, and is asked again', needs('git'), async (context) => {
  const clock = createHandClock(Date.now());
  const world = await openGitHubWorld(context, { fake: { clock } });
  const { hub, forge, repo } = world;
  await world.setPull(5, await world.commit({ branch: 'topic', files: { a: '1' } }));
  hub.people.comment(repo, 5, { by: 'ada', body: '/test' });
  const key = `gh|${repo}|pull/5`;
  const view = async (): Promise<PlaceView> => (await forge.view(repo, key, signal())) ?? assert.fail();
  const isDoubtful = async (): Promise<boolean | undefined> =>
    (await forge.places(repo, signal())).find(({ changeKey }) => changeKey === key)?.isDoubtful;
  const away = hub.faults.add({ does: 'answer', status: 403, path: /\/collaborators/ });
  const dark = await view();
  assert.equal(dark.change.trust, 'unknown');
  assert.deepEqual(
    dark.requests.map(({ isRefused, isUnclear }) => [isRefused, isUnclear]),
    [[undefined, true]],
    'a command waits: it is neither carried out nor refused for ever',
  );
  assert.equal(await isDoubtful(), undefined, 'still nobody can tell');
  away.lift();
  assert.equal(await isDoubtful(), true);
  const { change, requests } = await view();
  assert.equal(change.trust, 'untrusted');
  assert.deepEqual([requests[0]?.isRefused, requests[0]?.isUnclear], [undefined, undefined]);
  // Known once, and away again: what was a yes is no no.
  clock.pass(11 * 60_000);
  hub.faults.add({ does: 'answer', status: 403, path: /\/collaborators/ });
  assert.equal((await view()).change.trust, 'unknown');
  assert.equal(await isDoubtful(), undefined);
});

test('with the cache deleted everything is found again, and versions go on growing', needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  const { forge, repo, cacheFile } = world;
  const key = `gh|${repo}|branch/main`;
  const before = await forge.view(repo, key, signal());
  await forge.close();
  for (const end of ['', '-wal', '-shm', '-looks']) rmSync(`${cacheFile}${end}`, { force: true });
  const after = await world.reopened().view(repo, key, signal());
  assert.ok((after?.change.version ?? 0) > (before?.change.version ?? Number.POSITIVE_INFINITY));
});
