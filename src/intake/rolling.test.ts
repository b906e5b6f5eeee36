import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { Forge } from '../forge/forge.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { spokenForge, type ForgeSkills } from '../../test/support/intake-world.ts';
import { aChange, anOrder } from '../../test/support/ledger-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';
import { rollingRequestsPerHour, runRolling } from './rolling.ts';
import type { LookAll } from './scan.ts';

const minute = 60_000;

/** A forge with open pull requests by repository, all seen at the start; `pass` rolls on. */
async function rolling(t: CleansUp, counts: Readonly<Record<string, number>>, skills: ForgeSkills = {}) {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const clock = createHandClock();
  const forge: Forge = spokenForge({
    remembersStatuses: true,
    hasViews: true,
    repos: () => Object.keys(counts),
    placesPerRequest: 10,
    ...skills,
  });
  const apply = (repo: string, pull: number) =>
    ledger.applyDecision({
      change: aChange(anOrder({ repo, pull, sha: String(pull).padStart(40, '0') })),
      actions: [],
      deliveryIds: [],
      now: clock.now(),
      traceId: 't',
    });
  for (const [repo, count] of Object.entries(counts))
    for (let pull = 1; pull <= count; pull += 1) await apply(repo, pull);
  const looked: { readonly key: string; readonly at: number }[] = [];
  const broken = new Set<string>();
  const asks: number[] = [];
  const lookAll: LookAll = async (_forge, repo, keys) => {
    asks.push(keys.length);
    for (const key of keys) {
      looked.push({ key, at: clock.monotonic() });
      if (!broken.has(key)) await apply(repo, Number(key.split('/').at(-1)));
    }
    return { changed: 0, failed: keys.filter((key) => broken.has(key)) };
  };
  const life = new AbortController();
  const deps = { ledger, clock, logger: silentLogger, requestsPerHour: rollingRequestsPerHour, lookAll };
  const running = runRolling(deps, forge, life.signal);
  t.after(async () => {
    life.abort();
    await running;
  });
  return {
    looked,
    asks,
    broken,
    pass: async (minutes: number) => {
      for (let i = 0; i < minutes; i += 1) {
        clock.pass(minute);
        for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

test('every open place is read again in turn, the longest unseen first', async (t) => {
  const { looked, pass } = await rolling(t, { demo: 60 });
  await pass(10);
  assert.equal(looked.length, 0, 'what was just seen is fresh');
  await pass(10);
  assert.deepEqual([...new Set(looked.map(({ key }) => key))].length, 60);
  assert.equal(looked[0]?.key, 'git|demo|pull/1');
  const seen = looked.length;
  await pass(10);
  assert.ok(looked.length <= seen + 60, 'and not again before ten minutes');
});

test('a large house stays below its share of the quota, with no burst after a quiet time', async (t) => {
  const { asks, pass, looked } = await rolling(t, { big: 1_500, other: 400 });
  await pass(10);
  const used = (): number => asks.reduce((sum, places) => sum + Math.ceil(places / 10), 0);
  await pass(1);
  assert.ok(used() <= rollingRequestsPerHour / 12, `${String(used())} at once`);
  const before = used();
  await pass(60);
  assert.ok(used() - before <= rollingRequestsPerHour, `${String(used() - before)} in an hour`);
  assert.ok(used() - before > rollingRequestsPerHour * 0.8, 'which it uses');
  assert.equal(new Set(looked.map(({ key }) => key)).size, 1_900, 'all within the hour');
});

test('a place that cannot be read comes last for a while, and stops no other', async (t) => {
  const { looked, broken, pass } = await rolling(t, { demo: 200 }, { placesPerRequest: 1 });
  for (let pull = 1; pull <= 60; pull += 1) broken.add(`git|demo|pull/${String(pull)}`);
  await pass(60);
  const well = new Set(looked.map(({ key }) => key).filter((key) => !broken.has(key)));
  assert.equal(well.size, 140);
});

test('a repository that is not watched any more is not read', async (t) => {
  const { looked, pass } = await rolling(t, { demo: 3, gone: 3 }, { repos: () => ['demo'] });
  await pass(30);
  assert.ok(looked.length > 0);
  assert.ok(looked.every(({ key }) => key.startsWith('git|demo|')));
});

test('a plain forge has nothing to read again; one that we only compare with has', async (t) => {
  const plain = await rolling(t, { demo: 3 }, { remembersStatuses: false, hasViews: false });
  await plain.pass(60);
  assert.deepEqual(plain.looked, []);
  const shadow = await rolling(t, { demo: 3 }, { remembersStatuses: false });
  await shadow.pass(60);
  assert.ok(shadow.looked.length > 0);
});
