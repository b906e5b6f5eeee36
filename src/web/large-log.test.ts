import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { openBrowser } from '../../test/support/browser.ts';
import type { FakeLog } from '../../test/support/fake-log.ts';
import { addFakeRun, createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { needs } from '../../test/support/needs.ts';
import { until } from '../../test/support/until.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

const mostRows = 6000;

interface Stage {
  readonly log: FakeLog;
  readonly address: string;
  readonly open: (hash?: string) => Promise<Page>;
  readonly troubles: readonly string[];
}

async function stage(t: TestContext, state: 'running' | 'ended'): Promise<Stage> {
  const world = createFakeWorld();
  const id = addFakeRun(world, { state });
  const log = world.logs.get(world.runs[0]?.attempts[0]?.storePrefix ?? '');
  assert.ok(log);
  const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const browser = await openBrowser(t);
  const address = `${server.address}/runs/${id}`;
  return { log, address, open: (hash = '') => browser.open(address + hash), troubles: browser.troubles };
}

const rows = (page: Page): Promise<number> => page.evaluate('document.querySelectorAll(".gc-line").length');
const place = async (page: Page): Promise<string> => String(await page.textContent('#log-place'));
const inView = (line: number): string =>
  `(() => { const row = document.getElementById("L${line}"); if (row === null) return false;
    const log = document.getElementById("log").getBoundingClientRect(), at = row.getBoundingClientRect();
    return at.top >= log.top - 1 && at.bottom <= log.bottom + 1; })()`;

async function holds(page: Page, expression: string): Promise<void> {
  await until(async () => (await page.evaluate(expression)) === true, { what: expression, within: 30_000 });
}

// Keys scroll smoothly; what is looked at must have come to rest.
async function isStill(page: Page): Promise<void> {
  let before: unknown = null;
  let times = 0;
  await until(async () => {
    const top = await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => done(document.getElementById("log").scrollTop)))',
    );
    times = top === before ? times + 1 : 0;
    before = top;
    return times >= 10;
  });
}

suite('a large log in the browser', needs('chromium'), () => {
  test('50 MB: start, scrolling, a linked line, search and end work with few rows in the page', async (t) => {
    const { log, open, troubles } = await stage(t, 'ended');
    const lines = 500_000;
    const text = Array.from(
      { length: lines },
      (_, n) => `${n + 1} ${'lorem ipsum '.repeat(8)}${n === 333_332 ? 'needle' : ''}`,
    );
    log.append(`${text.join('\n')}\n`);
    assert.ok(log.bytes.length > 50_000_000);
    const page = await open();
    await page.waitForSelector('#L1');
    assert.match(await place(page), /^lines 1–[\d,]+ of 500,000$/);
    await page.focus('#log');
    let most = 0;
    // Far enough that the window must let go of its beginning.
    for (let press = 0; press < 400 && (await page.$('#L1')) !== null; press += 1) {
      await page.evaluate('document.getElementById("log").scrollTop += 4000');
      most = Math.max(most, await rows(page));
    }
    assert.equal(await page.$('#L1'), null);
    await page.keyboard.press('End');
    await holds(page, inView(lines));
    await page.keyboard.press('/');
    await page.keyboard.type('NEEDLE');
    await page.keyboard.press('Enter');
    await holds(page, inView(333_333));
    await until(async () => (await page.textContent('#log-found')) === '1 of 1');
    assert.equal(await page.evaluate('CSS.highlights.get("gc-found").size'), 1);
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate('document.activeElement.id'), 'log');
    await page.keyboard.press('/');
    await page.keyboard.type(':250000');
    await page.keyboard.press('Enter');
    await holds(page, inView(250_000));
    // Upwards from there the view stays where it was while blocks come in above.
    const before = await rows(page);
    const first = Number(await page.evaluate('document.querySelector(".gc-line").id.slice(1)'));
    await page.evaluate('document.getElementById("log").scrollTop = 10');
    await until(async () => (await rows(page)) > before);
    await holds(page, inView(first + 1));
    most = Math.max(most, await rows(page));
    assert.ok(most <= mostRows, `${most} rows were in the page`);
    assert.ok((await rows(page)) <= mostRows);
    const elements: number = await page.evaluate('document.getElementsByTagName("*").length');
    assert.ok(elements < 4 * mostRows, `${elements} elements`);
    assert.deepEqual(troubles, []);
  });

  test('a linked line and a range are shown and marked at once; a click makes a link', async (t) => {
    const { log, open, address } = await stage(t, 'ended');
    log.append(Array.from({ length: 20_000 }, (_, n) => `line ${n + 1}\n`).join(''));
    const page = await open('#L12000-L12002');
    await holds(page, inView(12_000));
    const marked = (): Promise<unknown> =>
      page.evaluate('[...document.querySelectorAll(".gc-named")].map(({ id }) => id).join()');
    await until(async () => (await marked()) === 'L12000,L12001,L12002');
    await page.click('#L12003 .gc-n');
    assert.equal(page.url(), `${address}#L12003`);
    await page.click('#L12005 .gc-n', { modifiers: ['Shift'] });
    assert.equal(page.url(), `${address}#L12003-L12005`);
    assert.equal(await marked(), 'L12003,L12004,L12005');
  });

  test('a growing log is followed until the reader scrolls up, and again from the end', async (t) => {
    const { log, open, troubles } = await stage(t, 'running');
    log.append(Array.from({ length: 300 }, (_, n) => `line ${n + 1}\n`).join(''));
    const page = await open();
    await holds(page, inView(300));
    log.append('\u001b[32mgreen');
    await holds(page, 'document.querySelector("#L301 .gc-fg-2")?.textContent === "green"');
    log.append(' still\u001b[0m\nprogress 10 %\rprogress 20 %');
    await holds(page, 'document.querySelector("#L301 .gc-t").textContent === "green still"');
    await holds(page, 'document.querySelector("#L302 .gc-t").textContent === "progress 20 %"');
    await page.focus('#log');
    await page.keyboard.press('PageUp');
    await holds(page, 'document.getElementById("log-follow").getAttribute("aria-pressed") === "false"');
    await isStill(page);
    log.append('\nmore\n'.repeat(20));
    await holds(page, 'document.getElementById("L341") !== null');
    assert.equal(await page.evaluate(inView(341)), false);
    await page.keyboard.press('f');
    await holds(page, inView(341));
    log.append('last\n');
    await holds(page, inView(342));
    log.seal();
    await holds(page, 'document.getElementById("log-follow").getAttribute("aria-pressed") === "false"');
    assert.deepEqual(troubles, []);
  });

  test('a job that prints 60 MB while somebody follows leaves few rows and the true last line', async (t) => {
    const { log, open, troubles } = await stage(t, 'running');
    log.append('begin\n');
    const page = await open();
    await holds(page, inView(1));
    let line = 1;
    for (let part = 0; part < 60; part += 1) {
      const text = Array.from({ length: 10_000 }, () => `${(line += 1)} ${'x'.repeat(90)}\n`).join('');
      log.append(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await holds(page, inView(line));
    assert.match(String(await page.textContent(`#L${line} .gc-t`)), new RegExp(`^${line} `));
    assert.ok((await rows(page)) <= mostRows);
    assert.deepEqual(troubles, []);
  });

  test('the stream goes on at its byte after the server was away', async (t) => {
    const world = createFakeWorld();
    const id = addFakeRun(world, { state: 'running' });
    const log = world.logs.get(world.runs[0]?.attempts[0]?.storePrefix ?? '');
    assert.ok(log);
    const app = createWebApp(world.deps);
    const first = await startWebServer(app, { host: '127.0.0.1', port: 0 });
    const browser = await openBrowser(t);
    log.append('one\ntwo\n');
    const page = await browser.open(`${first.address}/runs/${id}`);
    await holds(page, inView(2));
    await page.waitForSelector('#live[data-state=on]');
    await first.close();
    await page.waitForSelector('#live[data-state=away]');
    log.append('three\n');
    const second = await startWebServer(app, { host: '127.0.0.1', port: first.port });
    t.after(() => second.close());
    await holds(page, inView(3));
    assert.equal(await page.evaluate('document.querySelectorAll(".gc-line").length'), 3);
    await page.waitForSelector('#live[data-state=on]');
  });
});
