import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import { openIntakeWorld, viewOf, type IntakeWorld } from '../../test/support/intake-world.ts';
import { aChange, anOrder, shaOf } from '../../test/support/ledger-world.ts';

const a = aChange(anOrder({ sha: shaOf('a') }));
const noPending = (world: IntakeWorld) => async (): Promise<boolean> =>
  (await world.ledger.pendingDeliveries(10)).length === 0;

test('an event leads to the jobs of what the forge shows, whatever the event says', async (t) => {
  const world = openIntakeWorld(t);
  const b = { ...a, headSha: shaOf('b') };
  world.forge.shows.set(a.key, viewOf(b));
  await world.deliver('d1', a);
  await world.work(noPending(world));
  const jobs = await world.ledger.jobsOfChange(a.key, b.headSha);
  assert.deepEqual(
    jobs.map((job) => [job.sha, job.context, job.isEnded]),
    [[b.headSha, 'test', false]],
  );
});

test('what is underway at a project that is configured no more ends, and begins anew when it comes back', async (t) => {
  const watched = new Set(['demo', 'other']);
  const world = openIntakeWorld(t, { repos: () => [...watched] });
  const other = aChange(anOrder({ repo: 'other', sha: shaOf('b') }));
  for (const change of [a, other]) {
    world.forge.shows.set(change.key, viewOf(change));
    await world.deliver(`event of ${change.key}`, change);
  }
  await world.work(noPending(world));
  await world.intake.endRemoved();
  const ends = async () => (await world.ledger.jobsOfChange(a.key, a.headSha)).map(({ outcome }) => outcome);
  assert.deepEqual(await ends(), [null]);
  watched.delete('demo');
  await world.intake.endRemoved();
  await world.intake.endRemoved();
  assert.deepEqual(await ends(), [{ kind: 'canceled', reason: 'policy', by: 'project' }]);
  assert.equal((await world.ledger.jobsOfChange(other.key, other.headSha))[0]?.isEnded, false);
  watched.add('demo');
  await world.intake.scan('git', 'demo', new AbortController().signal);
  const [again] = await world.ledger.jobsOfChange(a.key, a.headSha);
  assert.deepEqual([again?.generation, again?.isEnded], [2, false]);
});

test('several events of one place are one look, and its trace is the first one', async (t) => {
  const world = openIntakeWorld(t);
  world.forge.shows.set(a.key, viewOf(a));
  for (const id of ['d1', 'd2', 'd3']) await world.deliver(id, a);
  assert.equal(
    await world.ledger.recordDelivery({
      id: 'd1',
      event: { kind: 'change', forge: 'git', repo: 'demo', changeKey: a.key, sha: null },
      receivedAt: 1,
      traceId: 'other',
    }),
    false,
    'an id is known once',
  );
  await world.work(noPending(world));
  assert.deepEqual(world.forge.looks, [a.key]);
  assert.equal((await world.ledger.jobsOfChange(a.key, a.headSha)).length, 1);
});

test('a forge that is away says nothing against the event: it waits, however long', async (t) => {
  const world = openIntakeWorld(t);
  let tries = 0;
  world.forge.shows.set(a.key, () => {
    tries += 1;
    if (tries < 8) throw new GroundcrewError('forge/away', 'nobody answers', { retry: 'later' });
    return viewOf(a);
  });
  await world.deliver('d1', a);
  await world.work(noPending(world));
  assert.equal(tries, 8);
  assert.equal((await world.ledger.jobsOfChange(a.key, a.headSha)).length, 1);
});

test('an event that always fails is set aside after three tries, and hinders no other', async (t) => {
  const world = openIntakeWorld(t);
  const other = aChange(anOrder({ branch: 'other' }));
  world.forge.shows.set(a.key, () => {
    throw new TypeError('cannot read properties of undefined');
  });
  world.forge.shows.set(other.key, viewOf(other));
  await world.deliver('bad', a);
  await world.deliver('good', other);
  await world.work(noPending(world));
  assert.equal(world.forge.looks.filter((key) => key === a.key).length, 3);
  assert.equal((await world.ledger.jobsOfChange(other.key, other.headSha)).length, 1);
  const jobs = await world.ledger.jobsOfChange(a.key, a.headSha);
  assert.ok(jobs.every(({ changeKey }) => changeKey === other.key));
});

test('an event of a project that is not configured leads to nothing', async (t) => {
  const world = openIntakeWorld(t);
  await world.deliver('d1', { ...a, repo: 'gone', key: 'git|gone|branch/main' });
  await world.deliver('d2', { ...a, forge: 'nowhere', key: 'nowhere|demo|branch/main' });
  await world.work(noPending(world));
  assert.deepEqual(world.forge.looks, []);
});

test('a view that is behind its event is fetched again', async (t) => {
  const world = openIntakeWorld(t);
  world.forge.shows.set(a.key, viewOf(a));
  await world.deliver('d1', a);
  await world.work(noPending(world));
  const b = { ...a, headSha: shaOf('b'), version: 2 };
  let looks = 0;
  world.forge.shows.set(a.key, () => {
    looks += 1;
    return viewOf(looks < 3 ? a : b);
  });
  await world.deliver('d2', b);
  await world.work(noPending(world));
  assert.equal(looks, 3);
  const jobs = await world.ledger.jobsOfChange(a.key, a.headSha);
  assert.deepEqual(jobs.map((job) => [job.sha, job.outcome?.kind ?? 'open']).sort(), [
    [a.headSha, 'canceled'],
    [b.headSha, 'open'],
  ]);
});

test('a place that is gone is closed, and what it asked for with it', async (t) => {
  const world = openIntakeWorld(t);
  world.forge.shows.set(a.key, viewOf(a));
  await world.intake.scan('git', 'demo', new AbortController().signal);
  world.forge.shows.delete(a.key);
  await world.intake.scan('git', 'demo', new AbortController().signal);
  const [job] = await world.ledger.jobsOfChange(a.key, a.headSha);
  assert.deepEqual(job?.outcome, { kind: 'canceled', reason: 'closed', by: a.key });
  assert.deepEqual(await world.ledger.openPlaces('git', 'demo'), []);
  // Never heard of, and gone: nothing to do, and no event waits for it.
  await world.deliver('d1', aChange(anOrder({ branch: 'unseen' })));
  await world.work(noPending(world));
});

test('a scan finds what no event told, and one broken place does not stop the others', async (t) => {
  const world = openIntakeWorld(t);
  const others = ['x', 'y'].map((branch) => aChange(anOrder({ branch })));
  world.forge.shows.set(a.key, () => {
    throw new Error('broken');
  });
  for (const change of others) world.forge.shows.set(change.key, viewOf(change));
  await world.intake.scan('git', 'demo', new AbortController().signal);
  for (const { key, headSha } of others) assert.equal((await world.ledger.jobsOfChange(key, headSha)).length, 1);
  await world.intake.scan('git', 'demo', new AbortController().signal);
  for (const { key, headSha } of others) assert.equal((await world.ledger.jobsOfChange(key, headSha)).length, 1);
});

test('a stopped intake handles nothing more and ends', async (t) => {
  const world = openIntakeWorld(t);
  await world.deliver('d1', a);
  const life = new AbortController();
  life.abort();
  await world.intake.run(life.signal);
  assert.equal((await world.ledger.pendingDeliveries(10)).length, 1);
});

test('places that never answer hold up no event of another repository', async (t) => {
  const world = openIntakeWorld(t, {
    repos: () => ['demo', 'slow'],
    view: (repo) => (repo === 'slow' ? new Promise(() => undefined) : Promise.resolve(viewOf(a))),
  });
  for (let pull = 1; pull <= 50; pull += 1)
    await world.deliver(`slow ${String(pull)}`, aChange(anOrder({ repo: 'slow', pull })));
  await world.deliver('d1', a);
  const startedAt = world.clock.now();
  await world.work(async () => (await world.ledger.jobsOfChange(a.key, a.headSha)).length === 1);
  assert.equal(world.clock.now(), startedAt, 'no time had to pass');
  assert.equal((await world.ledger.pendingDeliveries(99)).length, 50, 'and nothing is given up');
});

test('a backlog at a forge that is away is no storm of requests, and is handled when it is back', async (t) => {
  let [asked, isAway] = [0, true];
  const world = openIntakeWorld(t, {
    view: async (_repo, key) => {
      asked += 1;
      if (isAway) throw new GroundcrewError('forge/away', 'nobody answers', { retry: 'later' });
      return viewOf(places.find((place) => place.key === key) ?? a);
    },
  });
  const places = Array.from({ length: 300 }, (_, i) =>
    aChange(anOrder({ pull: i + 1, sha: String(i).padStart(40, '0') })),
  );
  for (const place of places) await world.deliver(place.key, place);
  const startedAt = world.clock.now();
  await world.work(async () => world.clock.now() - startedAt > 7 * 60_000);
  assert.ok(asked < 300, `${String(asked)} requests in seven minutes`);
  isAway = false;
  const backAt = world.clock.now();
  await world.work(noPending(world));
  assert.ok(world.clock.now() - backAt <= 3 * 60_000, `${String((world.clock.now() - backAt) / 1000)} s`);
  const counted = await Promise.all(places.map(({ key, headSha }) => world.ledger.jobsOfChange(key, headSha)));
  assert.ok(counted.every((jobs) => jobs.length === 1));
});

test('more events of a place than one look answers are all ended', async (t) => {
  const world = openIntakeWorld(t);
  world.forge.shows.set(a.key, viewOf(a));
  for (let i = 0; i < 450; i += 1) await world.deliver(`d${String(i)}`, a);
  await world.work(noPending(world));
  assert.equal(world.forge.looks.length, 3);
});
