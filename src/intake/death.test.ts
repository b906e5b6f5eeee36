import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../core/change.ts';
import type { ForgeEvent } from '../core/forge-event.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { ask } from '../../test/support/decide-world.ts';
import { openIntakeWorld, viewOf, type IntakeWorld } from '../../test/support/intake-world.ts';
import { aChange, anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';

const main = aChange();
const pulls = [1, 2, 3].map((pull) => aChange(anOrder({ pull, sha: shaOf(String(pull)) })));
const about = ({ forge, repo, key }: Change) => ({ forge, repo, changeKey: key });
const events: readonly ForgeEvent[] = [
  { kind: 'change', ...about(main), sha: main.headSha },
  { kind: 'schedule', ...about(main), slot: { name: 'nightly', at: 5_000, contexts: ['test'] } },
  { kind: 'request', ...about(main), request: ask('test', { id: 'r1', sha: main.headSha, contexts: ['test'] }) },
  { kind: 'commit', forge: 'git', repo: 'demo', changeKey: 'git|demo|commit/x', sha: main.headSha },
  { kind: 'repository', forge: 'git', repo: 'demo', changeKey: 'git|demo|repository' },
];

/** A life that ends at its n-th call to ledger or forge, before or after its effect: what it awaits then never comes. */
function mortal(n: number, isAfter: boolean) {
  let calls = 0;
  let isDead = false;
  const forever = new Promise<never>(() => undefined);
  const call = async <T>(effect: () => Promise<T>): Promise<T> => {
    if (isDead) return forever;
    calls += 1;
    const isLast = calls === n;
    if (isLast && !isAfter) {
      isDead = true;
      return forever;
    }
    if (isLast) isDead = true;
    const result = await effect();
    return isLast ? forever : result;
  };
  const through = <T extends object>(port: T): T => {
    const wrapped: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(port)) {
      const isCall = typeof value === 'function' && name !== 'repos';
      wrapped[name] = isCall
        ? (...args: unknown[]) => call(async () => (value as (...all: unknown[]) => unknown)(...args))
        : value;
    }
    return wrapped as T;
  };
  return { through, isDead: () => isDead };
}

async function story(t: CleansUp): Promise<IntakeWorld> {
  const world = openIntakeWorld(t, { remembersStatuses: true, tellsVersions: true });
  for (const change of [main, ...pulls]) world.forge.shows.set(change.key, viewOf(change));
  for (const [i, event] of events.entries()) await world.tell(`d${String(i)}`, event);
  return world;
}

/** What came of it, for comparison. */
async function outcome({ ledger }: IntakeWorld): Promise<unknown> {
  const jobs = await Promise.all([main, ...pulls].map(({ key, headSha }) => ledger.jobsOfChange(key, headSha)));
  return {
    pending: (await ledger.pendingDeliveries(9)).length,
    jobs: jobs.flat().map(({ id, generation, isEnded, hasWord }) => [id, generation, isEnded, hasWord]),
    done: await ledger.doneRequests(['r1']),
    places: (await ledger.openPlaces('git', 'demo')).map(({ changeKey }) => changeKey).sort(),
  };
}

const isHandled = (world: IntakeWorld) => async (): Promise<boolean> =>
  (await world.ledger.pendingDeliveries(1)).length === 0;

test('whenever a process dies, the next one brings it to the same end, once', async (t) => {
  const whole = await story(t);
  await whole.work(isHandled(whole));
  const expected = await outcome(whole);
  for (const isAfter of [false, true]) {
    let deaths = 0;
    for (let n = 1; ; n += 1) {
      const world = await story(t);
      const { through, isDead } = mortal(n, isAfter);
      const ledger: Ledger = through(world.ledger);
      const forge: Forge = through(world.forge);
      const life = new AbortController();
      void world.open(ledger, forge).run(life.signal);
      for (let turn = 0; turn < 150 && !isDead(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (!isDead()) {
        life.abort();
        break;
      }
      deaths += 1;
      await world.work(isHandled(world), world.open());
      const found = await outcome(world);
      assert.deepEqual(found, expected, `died ${isAfter ? 'after' : 'before'} call ${String(n)}`);
    }
    assert.ok(deaths > 40, `${String(deaths)} deaths`);
  }
});
