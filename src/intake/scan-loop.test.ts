import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { spokenForge } from '../../test/support/intake-world.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';
import { createScanLoop } from './scan-loop.ts';

const minute = 60_000;
const report = { places: 0, looked: 0, changed: 0, failed: 0, tookMs: 0 };

/** A loop over these forges with their repositories; `answer` says how a scan ends. */
function looping(
  t: CleansUp,
  repositories: Readonly<Record<string, readonly string[]>>,
  answer: (repo: string) => Promise<void> = () => Promise.resolve(),
) {
  const clock = createHandClock();
  const scans: { readonly repo: string; readonly at: number }[] = [];
  let forgotten = 0;
  let fraction = 0.5;
  const loop = createScanLoop({
    forges: new Map(
      Object.entries(repositories).map(([name, repos]) => [name, spokenForge({ name, repos: () => repos })]),
    ),
    intake: {
      async scan(_forge, repo) {
        scans.push({ repo, at: clock.monotonic() });
        await answer(repo);
        return report;
      },
      endRemoved: () => Promise.reject(new Error('the disk is full')),
      forgetLooks: () => (forgotten += 1),
    },
    clock,
    random: { fraction: () => fraction, hex: () => '0' },
    logger: silentLogger,
    periodMs: 10 * minute,
  });
  const life = new AbortController();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const running = loop.run(life.signal);
  t.after(() => {
    life.abort();
  });
  return {
    loop,
    scans,
    settle,
    forgotten: () => forgotten,
    setFraction: (to: number) => (fraction = to),
    pass: async (ms: number) => {
      for (let left = ms; left > 0; left -= minute) {
        clock.pass(minute);
        await settle();
      }
    },
    end: async () => {
      life.abort();
      await running;
    },
  };
}

const timesOf = (scans: readonly { readonly repo: string; readonly at: number }[], repo: string): number[] =>
  scans.filter((scan) => scan.repo === repo).map(({ at }) => at / minute);

test('every repository is scanned at the start, about every ten minutes, and not in step', async (t) => {
  const { scans, settle, pass, setFraction, end } = looping(t, { gh: ['a', 'b'], other: ['c'] });
  await settle();
  assert.deepEqual(scans.map(({ repo }) => repo).sort(), ['a', 'b', 'c']);
  setFraction(0);
  await pass(10 * minute);
  setFraction(0.999);
  await pass(20 * minute);
  assert.deepEqual(timesOf(scans, 'a'), [0, 10, 19, 30]);
  await end();
});

test('a repository that fails, or never answers, stops no other, and a forge that does stops no other forge', async (t) => {
  const repos = Array.from({ length: 12 }, (_, i) => `r${String(i)}`);
  const { scans, settle, pass } = looping(t, { slow: ['s1', 's2', 's3', 's4', 's5'], gh: repos }, (repo) => {
    if (repo.startsWith('s')) return new Promise(() => undefined);
    return repo === 'r3' ? Promise.reject(new Error('broken')) : Promise.resolve();
  });
  await settle();
  assert.deepEqual(new Set(scans.map(({ repo }) => repo).filter((repo) => repo.startsWith('r'))), new Set(repos));
  assert.equal(scans.filter(({ repo }) => repo.startsWith('s')).length, 4, 'a few at once');
  await pass(20 * minute);
  for (const repo of repos) assert.equal(timesOf(scans, repo).length, 3, repo);
});

test('asked for, everything is scanned at once and anew', async (t) => {
  const { loop, scans, settle, pass, forgotten } = looping(t, { gh: ['a'], other: ['b'] });
  await settle();
  await pass(2 * minute);
  loop.soon();
  await settle();
  assert.deepEqual(timesOf(scans, 'a'), [0, 2]);
  assert.deepEqual(timesOf(scans, 'b'), [0, 2]);
  assert.equal(forgotten(), 1);
});
