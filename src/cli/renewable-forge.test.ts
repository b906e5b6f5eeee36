import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forge } from '../forge/forge.ts';
import { until } from '../../test/support/until.ts';
import { createRenewableForge } from './renewable-forge.ts';

/** A forge that watches until it is told to stop; `watching` says whether it does. */
function fakeForge(repo: string): Forge & { readonly watching: () => boolean } {
  let isWatching = false;
  const unasked = (): never => {
    throw new Error('not asked in this test');
  };
  return {
    name: 'git',
    remembersStatuses: false,
    watching: () => isWatching,
    repos: () => [repo],
    places: unasked,
    view: unasked,
    fileAt: unasked,
    headOf: async () => `head of ${repo}`,
    changedFiles: unasked,
    cloneUrl: (name) => `/src/${name}`,
    setStatus: unasked,
    rememberApproval: unasked,
    markRequestDone: unasked,
    async watch(hear, signal) {
      isWatching = true;
      await hear({ repo, changeKey: `git|${repo}|branch/main`, sha: null, deliveryId: repo });
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      isWatching = false;
    },
  };
}

test('after a renewal calls go to the new forge, and watching begins anew', async () => {
  const [old, next] = [fakeForge('a'), fakeForge('b')];
  const renewable = createRenewableForge(old);
  const { forge } = renewable;
  const stop = new AbortController();
  const heard: string[] = [];
  const watching = forge.watch(async ({ repo }) => void heard.push(repo), stop.signal);
  await until(() => old.watching());
  assert.deepEqual(forge.repos(), ['a']);
  renewable.renew(next);
  assert.deepEqual(forge.repos(), ['b']);
  assert.equal(await forge.headOf('b', 'main', stop.signal), 'head of b');
  await until(() => next.watching() && !old.watching());
  stop.abort();
  await watching;
  assert.equal(next.watching(), false);
  assert.deepEqual(heard, ['a', 'b']);
});

test('a forge that stops watching by itself is not watched again in a circle', async () => {
  let rounds = 0;
  const ending: Forge = {
    ...fakeForge('a'),
    watch: async () => {
      rounds += 1;
    },
  };
  await createRenewableForge(ending).forge.watch(async () => undefined, new AbortController().signal);
  assert.equal(rounds, 1);
});
