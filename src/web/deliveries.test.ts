import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { axeFindings, openBrowser } from '../../test/support/browser.ts';
import { createFakeWorld, type FakeWorld } from '../../test/support/fake-web-deps.ts';
import { needs } from '../../test/support/needs.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

const evil = '<img src=x onerror=alert(1)>\u202e';

function filled(): FakeWorld {
  const world = createFakeWorld();
  for (const [at, forge] of ['github', 'codeberg', 'github'].entries())
    world.deliveryDays.push({
      day: `2026-11-${22 - at}`,
      forge,
      received: 1000 + at,
      bySweep: at,
      byScan: 0,
      missed: at === 2 ? 1 : 0,
    });
  for (const [at, changeKey] of [null, `github|octo/demo|branch/${evil}`].entries())
    world.parked.push({
      id: `00000000-0000-4000-8000-00000000000${at}`,
      forge: 'github',
      changeKey,
      source: 'event',
      receivedAt: Date.now() - 60_000,
      parkedAt: Date.now() - 50_000,
      traceId: 't',
      why: `push: ${evil}`,
    });
  return world;
}

async function get(world: FakeWorld, path: string): Promise<Response> {
  return createWebApp(world.deps).request(path, { headers: { Host: '127.0.0.1' } });
}

test('the page tells what came, what was recovered and what was set aside, whatever strangers wrote', async () => {
  const text = await (await get(filled(), '/deliveries')).text();
  assert.match(text, /By sweep<\/dt>\s*<dd>\s*<strong>3<\/strong>/);
  assert.match(text, /<th scope="row">2026-11-22<\/th>\s*<td>.*github.*<\/td>\s*<td class="gc-number">1000</);
  assert.match(text, /octo\/demo branch\//);
  assert.doesNotMatch(text, /<img/);
  const empty = await (await get(createFakeWorld(), '/deliveries')).text();
  assert.match(empty, /Nothing was delivered in this time/);
  assert.match(empty, /Nothing is set aside/);
});

test('scripts get the same as JSON, for as many days as they like', async () => {
  const asked: number[] = [];
  const world = filled();
  const reader = { ...world.deps.reader, deliveryDays: async (days: number) => (asked.push(days), world.deliveryDays) };
  const app = createWebApp({ ...world.deps, reader });
  const ask = async (query: string): Promise<unknown> =>
    (await app.request(`/api/deliveries${query}`, { headers: { Host: '127.0.0.1' } })).json();
  assert.deepEqual(await ask(''), { days: world.deliveryDays, parked: world.parked });
  for (const query of ['?days=7', '?days=999999', '?days=-1', '?days=x', '?days=1.5']) await ask(query);
  assert.deepEqual(asked, [30, 7, 366, 30, 30, 30]);
});

suite('looks', needs('chromium'), () => {
  test('it passes axe in light, dark and at 360 px, and is reached by keyboard from the first page', async (t) => {
    const server = await startWebServer(createWebApp(filled().deps), { host: '127.0.0.1', port: 0 });
    t.after(() => server.close());
    const browser = await openBrowser(t);
    for (const wishes of [{}, { scheme: 'dark' }, { width: 360, height: 740 }] as const) {
      const page = await browser.open(`${server.address}/deliveries`, wishes);
      assert.deepEqual(await axeFindings(page), [], JSON.stringify(wishes));
      assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false);
      await page.close();
    }
    for (const width of [1280, 360]) {
      const page = await browser.open(server.address, { width, height: 740 });
      const link = page.locator('a[href="/deliveries"]:visible').first();
      await link.focus();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/deliveries');
      await page.close();
    }
    assert.deepEqual(browser.troubles, []);
  });
});
