import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import type { Change } from '../core/change.ts';
import { openIntakeWorld, viewOf, type ForgeSkills, type IntakeWorld } from '../../test/support/intake-world.ts';
import { aChange, anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';

const never = new AbortController().signal;
const away = new GroundcrewError('forge/away', 'nobody answers', { retry: 'later' });

/** A repository of so many pull requests on a forge that tells versions and has bulk views, unless told otherwise. */
function repository(t: CleansUp, count: number, skills: ForgeSkills = {}) {
  const world = openIntakeWorld(t, { tellsVersions: true, hasViews: true, ...skills });
  const changes = Array.from({ length: count }, (_, i) =>
    aChange(anOrder({ pull: i + 1, sha: String(i + 1).padStart(40, '0') })),
  );
  for (const change of changes) world.forge.shows.set(change.key, viewOf(change));
  const first = changes[0] ?? assert.fail('no place');
  const scan = (isAnew = false) => world.intake.scan('git', 'demo', never, { isAnew });
  const show = (change: Change, given: Partial<Change>): void => {
    world.forge.shows.set(change.key, viewOf({ ...change, ...given }));
  };
  return { world, forge: world.forge, changes, first, scan, show };
}

const jobsOf = (world: IntakeWorld, change: Change) => world.ledger.jobsOfChange(change.key, change.headSha);

/** Lets promises settle, and time pass, until it is there. */
async function settled<T>(world: IntakeWorld, promise: Promise<T>, stepMs = 10_000): Promise<T> {
  let isOver = false;
  const over = promise.finally(() => (isOver = true));
  over.catch(() => undefined);
  for (let round = 0; !isOver && round < 500; round += 1) {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (!isOver) world.clock.pass(stepMs);
  }
  return await over;
}

test('a place that is as it was is not viewed again; another version, or another head alone, is seen', async (t) => {
  const { forge, changes, first, scan, show } = repository(t, 4);
  assert.deepEqual(await scan(), { places: 4, looked: 4, changed: 4, failed: 0, tookMs: 0 });
  assert.equal(forge.bulk.length, 4);
  assert.equal((await scan())?.looked, 4, 'what was decided is looked at once more');
  assert.equal((await scan())?.looked, 0);
  const second = changes[1] ?? first;
  show(first, { version: 2 });
  show(second, { headSha: shaOf('b') });
  assert.deepEqual(await scan(), { places: 4, looked: 2, changed: 1, failed: 0, tookMs: 0 });
  assert.deepEqual(forge.looks.slice(8), [first.key, second.key]);
  assert.equal((await scan())?.looked, 1, 'the push, once more');
  assert.equal((await scan())?.looked, 0);
});

test('a place about whose people the forge says something else is looked at, though it is as it was', async (t) => {
  const doubtful = new Set<string>();
  const { changes, first, scan } = repository(t, 2, {
    places: async () =>
      changes.map(({ key, headSha, version }) => ({
        ...{ changeKey: key, headSha, version },
        ...(doubtful.has(key) ? { isDoubtful: true } : {}),
      })),
  });
  await scan();
  await scan();
  assert.equal((await scan())?.looked, 0);
  doubtful.add(first.key);
  assert.equal((await scan())?.looked, 1);
});

test('a plain forge that tells no versions tells nothing: every place is viewed', async (t) => {
  const { scan } = repository(t, 3, { tellsVersions: false, hasViews: false });
  await scan();
  assert.equal((await scan())?.looked, 3);
});

test('a branch without a version is as it was while its head is: the rolling pass reads its statuses', async (t) => {
  const { forge, first, scan, show } = repository(t, 3);
  Object.assign(forge, {
    places: async () =>
      [...forge.shows.values()].flatMap((shown) =>
        typeof shown === 'function' ? [] : [{ changeKey: shown.change.key, headSha: shown.change.headSha }],
      ),
  });
  await scan();
  await scan();
  assert.equal((await scan())?.looked, 0);
  show(first, { headSha: shaOf('e'), version: 2 });
  assert.equal((await scan())?.looked, 1);
});

test('a version that was young when it was seen is looked at once more: it may hide a later change', async (t) => {
  const { world, first, scan, show } = repository(t, 1);
  await scan();
  show(first, { version: world.clock.now() - 1_000 });
  assert.equal((await scan())?.looked, 1);
  assert.equal((await scan())?.looked, 1, 'seen a second after it changed');
  world.clock.pass(10 * 60_000);
  assert.equal((await scan())?.looked, 1, 'once more, ten minutes later');
  assert.equal((await scan())?.looked, 0);
});

test('what was seen later than now, by a clock that was set back since, is looked at', async (t) => {
  const { world, scan } = repository(t, 2);
  await scan();
  await scan();
  assert.equal((await scan())?.looked, 0);
  world.clock.pass(-86_400_000);
  assert.equal((await scan())?.looked, 2);
  assert.equal((await scan())?.looked, 0);
});

test('the first scan of a life, and the one after the policy changed, look at everything', async (t) => {
  const { world, scan } = repository(t, 3);
  await scan();
  world.intake.forgetLooks();
  assert.equal((await scan())?.looked, 3);
  assert.equal((await scan())?.looked, 0);
  assert.equal((await scan(true))?.looked, 3, 'and one that is asked to');
  const restarted = world.open();
  assert.equal((await restarted.scan('git', 'demo', never))?.looked, 3);
  assert.equal((await restarted.scan('git', 'demo', never))?.looked, 0);
});

test('a scan of everything that failed is owed whole', async (t) => {
  const { forge, scan } = repository(t, 3);
  await scan();
  const whole = { ...forge };
  Object.assign(forge, { places: () => Promise.reject(away) });
  await assert.rejects(scan(true));
  Object.assign(forge, { places: (repo: string) => whole.places(repo, never) });
  assert.equal((await scan())?.looked, 3);
});

test('a policy that changes while a scan runs is not forgotten at its end', async (t) => {
  const { world, first, forge, scan } = repository(t, 2);
  forge.shows.set(first.key, () => {
    world.intake.forgetLooks();
    return viewOf(first);
  });
  await scan();
  forge.shows.set(first.key, viewOf(first));
  assert.equal((await scan())?.looked, 2);
});

test('a place that was closed and is open again is looked at', async (t) => {
  const { world, first, scan, show } = repository(t, 2);
  await scan();
  show(first, { isOpen: false, version: 2 });
  await scan();
  show(first, { version: 3 });
  assert.equal((await scan())?.changed, 1);
  assert.equal((await world.ledger.lastChange(first.key))?.isOpen, true);
});

test('an open place that the listing does not show is looked at, and closed with what it asked for', async (t) => {
  const { world, forge, first, scan, show } = repository(t, 3);
  await scan();
  await scan();
  show(first, { isOpen: false, version: 2 });
  assert.deepEqual(await scan(), { places: 2, looked: 1, changed: 1, failed: 0, tookMs: 0 });
  assert.equal((await world.ledger.openPlaces('git', 'demo')).length, 2);
  forge.shows.delete(first.key);
  assert.equal((await scan())?.looked, 0, 'closed, it is of no interest');
});

test('a place that could not be looked at is owed, though the listing shows it as it was', async (t) => {
  const { world, forge, changes, first, scan } = repository(t, 3);
  await scan();
  const views = (): never => {
    throw new TypeError('cannot read properties of undefined');
  };
  const whole = { ...forge };
  // Broken when it is viewed, and listed as before.
  Object.assign(forge, {
    places: async () => changes.map(({ key, headSha, version }) => ({ changeKey: key, headSha, version })),
  });
  forge.shows.set(first.key, views);
  assert.deepEqual(await scan(true), { places: 3, looked: 3, changed: 0, failed: 1, tookMs: 0 });
  assert.deepEqual(await scan(), { places: 3, looked: 1, changed: 0, failed: 1, tookMs: 0 });
  forge.shows.set(first.key, viewOf(first));
  assert.deepEqual(await scan(), { places: 3, looked: 1, changed: 0, failed: 0, tookMs: 0 });
  Object.assign(forge, { places: (repo: string) => whole.places(repo, never) });
  assert.equal((await scan())?.looked, 0);
  assert.equal((await jobsOf(world, first)).length, 1);
});

test('bulk views that break are made up for one by one; a forge that goes away ends the scan, and the rest is owed', async (t) => {
  const { world, changes, first } = repository(t, 1);
  const all = Array.from({ length: 5 }, (_, i) => aChange(anOrder({ pull: i + 1, sha: shaOf(String(i + 1)) })));
  for (const [error, looked] of [
    [new Error('unexpected answer'), 5],
    [away, 2],
  ] as const) {
    const broken = repository(t, 0 + 1, {
      async *views(_repo, keys) {
        for (const changeKey of keys.slice(0, 2)) {
          await Promise.resolve();
          yield { changeKey, view: viewOf(all.find(({ key }) => key === changeKey) ?? first) };
        }
        throw error;
      },
    });
    for (const change of all) broken.forge.shows.set(change.key, viewOf(change));
    const report = await broken.scan();
    assert.equal(report?.failed, 5 - looked);
    assert.equal((await broken.world.ledger.openPlaces('git', 'demo')).length, looked);
    assert.equal((await broken.scan())?.looked, 5, 'the rest, and what was decided once more');
  }
  assert.equal(changes.length, 1);
  await assert.rejects(
    repository(t, 1, { places: () => Promise.reject(away) }).scan(),
    ({ code }: GroundcrewError) => code === 'forge/away',
  );
  assert.equal(await world.intake.scan('git', 'unknown', never), null);
});

test('a place that never answers ends by time, and the others are looked at meanwhile', async (t) => {
  const { world, changes, scan } = repository(t, 6, {
    hasViews: false,
    view: (_repo, changeKey) => {
      const change = changes.find(({ key }) => key === changeKey) ?? assert.fail();
      return change.pull === 1 ? new Promise(() => undefined) : Promise.resolve(viewOf(change));
    },
  });
  const report = await settled(world, scan());
  assert.deepEqual([report?.looked, report?.failed, report?.changed], [6, 1, 5]);
});

test('a listing that never answers ends by time', async (t) => {
  const { world, scan } = repository(t, 1, { places: () => new Promise(() => undefined) });
  await assert.rejects(settled(world, scan()), ({ code }: GroundcrewError) => code === 'intake/too-slow');
});

test('hundreds of places at once are a few requests at a time, and an event does not wait for them', async (t) => {
  let underway = 0;
  let most = 0;
  const { world, changes, scan } = repository(t, 300, {
    hasViews: false,
    async view(_repo, changeKey) {
      underway += 1;
      most = Math.max(most, underway);
      const at = viewed.push(changeKey);
      if (at === 20) world.intake.wake();
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      underway -= 1;
      return viewOf(changes.find(({ key }) => key === changeKey) ?? late);
    },
  });
  const viewed: string[] = [];
  const late = aChange(anOrder({ pull: 1_000, sha: shaOf('c') }));
  await world.deliver('d1', late);
  const scanning = scan();
  await world.work(async () => (await world.ledger.pendingDeliveries(1)).length === 0);
  const at = viewed.indexOf(late.key);
  assert.ok(at >= 0 && at < 100, `viewed as number ${String(at)}`);
  const report = await scanning;
  assert.equal(report?.looked, 300);
  assert.ok(most <= 9, `${String(most)} at once`);
  for (const change of changes) assert.equal((await jobsOf(world, change)).length, 1);
});

test('a view that a scan fetched does not undo what somebody saw since', async (t) => {
  const { world, forge, first } = repository(t, 2);
  const pushed = { ...first, headSha: shaOf('d') };
  Object.assign(forge, {
    async *views(_repo: string, keys: readonly string[]) {
      // Between the answer of the forge and its use: a push within the same second, and its event.
      forge.shows.set(first.key, viewOf(pushed));
      await world.deliver('push', pushed);
      await world.work(async () => (await world.ledger.pendingDeliveries(1)).length === 0);
      for (const changeKey of keys) yield { changeKey, view: changeKey === first.key ? viewOf(first) : null };
    },
  });
  await world.intake.scan('git', 'demo', never);
  assert.equal((await world.ledger.lastChange(first.key))?.headSha, pushed.headSha);
  assert.deepEqual(
    (await jobsOf(world, pushed)).map(({ isEnded }) => isEnded),
    [false],
  );
});

test('peek tells what a look would do, and writes nothing', async (t) => {
  const { world, first } = repository(t, 1);
  const peeked = await world.intake.peek('git', 'demo', first.key, never);
  assert.equal(peeked?.snapshot.change.headSha, first.headSha);
  assert.ok(peeked.actions.some(({ kind }) => kind === 'enqueue'));
  assert.equal(await world.ledger.lastLook(first.key), null);
  assert.deepEqual(await jobsOf(world, first), []);
  assert.equal(await world.intake.peek('git', 'demo', 'git|demo|pull/99', never), null);
});
