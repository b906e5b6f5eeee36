import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { formatSkipPath } from '../core/run-link.ts';
import type { RefusedReport } from '../ledger/ledger-reader.ts';
import { createWebApp } from './app.ts';
import type { WebDeps } from './web-deps.ts';

const evil = '<img src=x onerror=alert(1)>';

function world(refused: readonly RefusedReport[]): WebDeps {
  const { deps } = createFakeWorld();
  const { reader } = deps;
  return {
    ...deps,
    reader: {
      ...reader,
      refusedReports: async (limit) => refused.slice(0, limit),
      counts: async () => ({ ...(await reader.counts()), reportsRefused: refused.length }),
    },
  };
}

async function page(deps: WebDeps, path: string): Promise<string> {
  const answer = await createWebApp(deps).request(path, { headers: { Host: '127.0.0.1' } });
  assert.equal(answer.status, 200, path);
  return await answer.text();
}

test('the target of a skipped context says who skipped it and how it runs all the same', async () => {
  const deps = world([]);
  const [byPerson, byPolicy] = await Promise.all(
    [false, true].map((isByPolicy) => page(deps, formatSkipPath({ isByPolicy }))),
  );
  assert.match(byPerson ?? '', /maintainer[^]*\/test CONTEXT/);
  assert.match(byPolicy ?? '', /policy[^]*\/test CONTEXT/);
  assert.doesNotMatch(await page(deps, `/skipped?by=${encodeURIComponent(evil)}`), /<img/);
});

test('statuses that the forge refuses are told with the reason, and the first page points there', async () => {
  const refused = Array.from({ length: 201 }, (_, at) => ({
    forge: 'hub',
    repo: 'team/project',
    sha: 'a'.repeat(40),
    context: `${evil}${String(at)}`,
    why: `GitHub answered 404 ${evil}`,
    refusedAt: 1_000,
  }));
  const deps = world(refused);
  const shown = await page(deps, '/refused');
  assert.match(shown, /GitHub answered 404 &lt;img/);
  assert.doesNotMatch(shown, /<img/);
  assert.match(shown, /and 1 older ones/);
  assert.match(await page(deps, '/'), /refuses 201 of our statuses[^]*href="\/refused"/);
  const { refused: listed } = JSON.parse(await page(deps, '/api/refused')) as { refused: unknown[] };
  assert.equal(listed.length, 200);
});

test('where nothing is refused nobody is bothered', async () => {
  assert.match(await page(world([]), '/refused'), /There are none/);
  assert.doesNotMatch(await page(world([]), '/'), /\/refused/);
});
