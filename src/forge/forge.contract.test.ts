import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openGitWorld } from '../../test/support/git-world.ts';
import { needs } from '../../test/support/needs.ts';
import { forgeClauses } from './forge.contract.ts';
import type { ForgeWorld } from './world.contract.ts';
import type { Forge } from './forge.ts';

type Break = (good: Forge, world: ForgeWorld) => Partial<Forge>;
type Hear = Parameters<Forge['watch']>[0];

/** The same watch, with what it tells changed; null swallows. */
const telling =
  (change: (moved: Parameters<Hear>[0], nth: number) => readonly Parameters<Hear>[0][]): Break =>
  (good) => {
    let nth = 0;
    return {
      watch: (hear, signal) =>
        good.watch(async (moved) => {
          for (const told of change(moved, nth++)) await hear(told);
        }, signal),
    };
  };

/** A clause, by the beginning of its title, and what must fail it. */
const mutants: readonly { readonly clause: string; readonly what: string; readonly change: Break }[] = [
  {
    clause: 'every branch and open',
    what: 'pull requests left out of the list',
    change: (good) => ({
      places: async (repo, signal) =>
        (await good.places(repo, signal)).filter(({ changeKey }) => !changeKey.includes('|pull/')),
    }),
  },
  {
    clause: 'a view shows',
    what: 'versions that stand still',
    change: (good) => ({
      view: async (repo, key, signal) => {
        const view = await good.view(repo, key, signal);
        return view === null ? null : { ...view, change: { ...view.change, version: 1 } };
      },
    }),
  },
  {
    clause: 'a view shows',
    what: 'a view kept for ever',
    change: (good) => {
      const kept = new Map<string, ReturnType<Forge['view']>>();
      return {
        view: (repo, key, signal) => {
          const view = kept.get(key) ?? good.view(repo, key, signal);
          kept.set(key, view);
          return view;
        },
      };
    },
  },
  {
    clause: "a stranger's pull request",
    what: 'everybody trusted',
    change: (good) => ({
      view: async (repo, key, signal) => {
        const view = await good.view(repo, key, signal);
        return view === null ? null : { ...view, change: { ...view.change, trust: 'trusted' } };
      },
    }),
  },
  {
    clause: "a stranger's pull request",
    what: 'a plain answer left open',
    change: (good) => ({
      view: async (repo, key, signal) => {
        const view = await good.view(repo, key, signal);
        return view === null ? null : { ...view, change: { ...view.change, trust: 'unknown' } };
      },
    }),
  },
  {
    clause: 'a place that is gone',
    what: 'heads remembered after deletion',
    change: () => ({ headOf: () => Promise.resolve('a'.repeat(40)) }),
  },
  {
    clause: 'a file is read at a commit',
    what: 'files read at the head',
    change: (good) => ({
      fileAt: async (repo, _sha, path, signal) =>
        good.fileAt(repo, (await good.headOf(repo, 'main', signal)) ?? '', path, signal),
    }),
  },
  {
    clause: 'what is no plain file',
    what: 'an empty text for what is not there',
    change: (good) => ({
      fileAt: async (repo, sha, path, signal) => (await good.fileAt(repo, sha, path, signal)) ?? '',
    }),
  },
  {
    clause: 'statuses, approvals',
    what: 'a second status refused',
    change: () => {
      let posts = 0;
      return { setStatus: () => (posts++ > 0 ? Promise.reject(new Error('posted before')) : Promise.resolve()) };
    },
  },
  {
    clause: 'a repository that is not watched',
    what: 'an empty list for any name',
    change: () => ({ places: () => Promise.resolve([]) }),
  },
  {
    clause: 'a repository that vanishes',
    what: 'trouble shown as emptiness',
    change: (good) => ({ places: (repo, signal) => good.places(repo, signal).catch(() => []) }),
  },
  {
    clause: 'every movement is told once',
    what: 'movements told twice',
    change: telling((moved) => [moved, moved]),
  },
  {
    clause: 'every movement is told once',
    what: 'ids made of place and commit alone',
    change: telling((moved) => [{ ...moved, deliveryId: `${moved.changeKey} ${moved.sha ?? ''}` }]),
  },
  {
    clause: 'what could not be stored',
    what: 'failures of the listener swallowed',
    change: (good) => ({
      watch: (hear, signal) => good.watch((moved) => hear(moved).catch(() => undefined), signal),
    }),
  },
  {
    clause: 'what moved while we were away',
    what: 'the first thing after a start swallowed',
    change: telling((moved, nth) => (nth === 0 ? [] : [moved])),
  },
  {
    clause: 'watching ends',
    what: 'a watch that never ends',
    change: () => ({ watch: () => new Promise(() => undefined) }),
  },
];

suite('a broken forge fails the contract', needs('git'), () => {
  for (const { clause, what, change } of mutants) {
    test(`${clause} …: ${what}`, async (context) => {
      const { run } = forgeClauses.find(({ title }) => title.startsWith(clause)) ?? assert.fail(clause);
      const world = await openGitWorld(context, 'bare');
      const broken = brokenWorld(world, change);
      // A watch that never ends keeps its clause for ever.
      const late = new Promise<never>((_, reject) => setTimeout(reject, 6_000, new Error('never')).unref());
      await assert.rejects(Promise.race([run(broken, context), late]));
    });
  }

  test('every clause has something that fails it', () => {
    const without = forgeClauses.filter(({ title }) => !mutants.some(({ clause }) => title.startsWith(clause)));
    assert.deepEqual(without, []);
  });
});

function brokenWorld(world: ForgeWorld, change: Break): ForgeWorld {
  const breaking = (good: Forge): Forge => ({ ...good, ...change(good, world) });
  // What a broken watch would wait for never comes.
  return { ...world, patienceMs: 3_000, forge: breaking(world.forge), reopened: () => breaking(world.reopened()) };
}
