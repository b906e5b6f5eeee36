import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { axeFindings, openBrowser, type TestBrowser } from '../../test/support/browser.ts';
import {
  addFakeHeld,
  addFakeRun,
  createFakeWorld,
  fakeToken,
  type FakeWorld,
} from '../../test/support/fake-web-deps.ts';
import { needs } from '../../test/support/needs.ts';
import { until } from '../../test/support/until.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

const colourful =
  '\u001b[1;34m== checkout\u001b[0m\n\u001b[31mnot ok\u001b[0m 1 \u001b[2mdim\u001b[0m \u001b[7minverse\u001b[0m \u001b[90mgrey\u001b[0m\n';

interface Stage {
  readonly world: FakeWorld;
  readonly address: string;
  readonly browser: TestBrowser;
}

async function stage(t: TestContext, world = createFakeWorld()): Promise<Stage> {
  const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  return { world, address: server.address, browser: await openBrowser(t) };
}

function fill(world: FakeWorld): { readonly failed: string; readonly running: string; readonly waiting: string } {
  const running = addFakeRun(world, { title: 'Fix the login dialog', branch: 'login', state: 'running' });
  const waiting = addFakeRun(world, { title: 'Update translations', pull: 212, branch: null, state: 'waiting' });
  addFakeHeld(world);
  const failed = addFakeRun(world, {
    title: 'Grow the last partition',
    outcome: { kind: 'failed', exitCode: 1, reason: 'exit' },
    attemptsDetail: [
      { outcome: { kind: 'broken', cause: 'lost', phase: 'running' }, isAccepted: false, isOwner: false },
      {},
    ],
  });
  addFakeRun(world, { title: 'Lost', outcome: { kind: 'broken', cause: 'lost', phase: 'running' } });
  addFakeRun(world, { title: 'Old', outcome: { kind: 'canceled', reason: 'superseded', by: 'push' } });
  addFakeRun(world, { title: 'Fine' });
  for (const log of world.logs.values()) log.append(colourful);
  for (const { attempts } of world.runs) {
    for (const { storePrefix } of attempts) {
      const bytes = Buffer.from('picture');
      world.files.set(`${storePrefix}/screenshots/one.png`, { bytes, contentType: 'image/png' });
    }
  }
  return { failed, running, waiting };
}

// The page forbids eval, so its state is asked for from outside, again and again.
async function holds(page: Page, expression: string): Promise<void> {
  await until(async () => (await page.evaluate(expression)) === true, { what: expression });
}

async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}

suite('looks', needs('chromium'), () => {
  test('every page passes axe in light, dark and at 360 px, without scrolling sideways or errors', async (t) => {
    const { world, address, browser } = await stage(t);
    const { failed, running, waiting } = fill(world);
    const looks = [{}, { scheme: 'dark' }, { width: 360, height: 740 }] as const;
    const cases = [
      ...['/', `/runs/${failed}`].flatMap((path) => looks.map((wishes) => ({ path, wishes }))),
      ...['/?q=nothing-like-it', '/?before=x', `/runs/${running}`, `/runs/${waiting}`].map((path) => ({
        path,
        wishes: {},
      })),
    ];
    for (const { path, wishes } of cases) {
      const page = await browser.open(address + path, wishes);
      if (path.includes(failed) || path.includes(running)) await page.waitForSelector('#L2');
      assert.deepEqual(await axeFindings(page), [], `${path} ${JSON.stringify(wishes)}`);
      assert.equal(await scrollsSideways(page), false, path);
      await page.close();
    }
    assert.deepEqual(browser.troubles, []);
  });

  test('a page that is not there, and an empty house, say what to do next', async (t) => {
    const { address, browser } = await stage(t);
    const empty = await browser.open(address);
    assert.match(await empty.textContent('main').then(String), /git commit --allow-empty/);
    assert.deepEqual(await axeFindings(empty), []);
    const answer = await fetch(`${address}/runs/123456`);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /No run has this id/);
  });

  test('a run, and a change that waits for approval, lead to where the forge shows them', async (t) => {
    const { world, address, browser } = await stage(t);
    const { waiting } = fill(world);
    const page = await browser.open(`${address}/runs/${waiting}`);
    const leads = async (selector: string): Promise<string | null> => page.getAttribute(selector, 'href');
    assert.equal(await leads('#run-head .gc-meta a'), 'https://forge.example/pull/212');
    assert.match(String(await leads('#facts a[href*="/commit/"]')), /^https:\/\/forge\.example\/commit\/[0-9a-f]{40}$/);
    await page.goto(address);
    assert.match(String(await leads('[data-tone=held] a.gc-row-title')), /^https:\/\/forge\.example\/pull\/\d+$/);
  });

  test('the theme follows the system until the button chooses, and the choice lasts', async (t) => {
    const { address, browser } = await stage(t);
    const page = await browser.open(address, { scheme: 'dark' });
    const isDark = (): Promise<unknown> =>
      page.evaluate('document.documentElement.classList.contains("pf-v6-theme-dark")');
    assert.equal(await isDark(), true);
    await page.click('#theme');
    assert.equal(await isDark(), false);
    await page.reload();
    assert.equal(await isDark(), false);
  });

  test('without script the state is shown and the forms work with a token field', async (t) => {
    const { world, address, browser } = await stage(t);
    const { failed } = fill(world);
    const page = await browser.open(`${address}/runs/${failed}`, { hasScript: false });
    assert.match(String(await page.textContent('#run-head')), /the command failed/);
    await page.fill('.gc-action input[name=token]', 'wrong');
    await page.click('.gc-action button');
    assert.match(String(await page.textContent('main')), /This needs the token/);
    await page.goBack();
    await page.fill('.gc-action input[name=token]', fakeToken);
    await page.click('.gc-action button');
    assert.equal(new URL(page.url()).pathname, `/runs/${failed}`);
    assert.deepEqual(
      world.submissions.map(({ kind, jobId }) => [kind, jobId]),
      [['retry', failed]],
    );
  });
});

suite('actions', needs('chromium'), () => {
  test('approve, cancel and retry work by keyboard alone; the token is asked for once', async (t) => {
    const { world, address, browser } = await stage(t);
    const { failed, running } = fill(world);
    const page = await browser.open(address);
    await tabTo(page, 'Approve: Please take my change at deadbeefde');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#token-dialog[open]');
    assert.deepEqual(await axeFindings(page), []);
    await page.keyboard.type(fakeToken);
    await page.keyboard.press('Enter');
    await until(() => world.submissions.length === 1);
    await until(async () => String(await page.textContent('#toasts')).includes('Approve: asked for'));
    await page.goto(`${address}/runs/${running}`);
    await tabTo(page, 'Cancel: Fix the login dialog');
    await page.keyboard.press('Space');
    await until(() => world.submissions.length === 2);
    await page.goto(`${address}/runs/${failed}`);
    await tabTo(page, 'Retry: Grow the last partition');
    await page.keyboard.press('Enter');
    await until(() => world.submissions.length === 3);
    assert.deepEqual(
      world.submissions.map(({ kind }) => kind),
      ['approve', 'cancel', 'retry'],
    );
    assert.deepEqual(browser.troubles, []);
  });

  test('the token of the printed address is kept and leaves the address bar', async (t) => {
    const { world, address, browser } = await stage(t);
    const { failed } = fill(world);
    const page = await browser.open(`${address}/runs/${failed}#token=${fakeToken}`);
    await holds(page, 'location.hash === ""');
    await page.click('.gc-run-actions button');
    await until(() => world.submissions.length === 1);
  });

  test('a wrong token is forgotten and said so; Escape gives up', async (t) => {
    const { world, address, browser } = await stage(t);
    const { failed } = fill(world);
    const page = await browser.open(`${address}/runs/${failed}#token=wrong`);
    await page.click('.gc-run-actions button');
    await page.waitForSelector('.gc-toast');
    assert.match(String(await page.textContent('#toasts')), /token is not right/);
    await page.click('.gc-run-actions button');
    await page.waitForSelector('#token-dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#token-dialog:not([open])', { state: 'attached' });
    assert.deepEqual(world.submissions, []);
  });
});

async function tabTo(page: Page, label: string): Promise<void> {
  await page.evaluate('document.body.focus()');
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(
      '[document.activeElement.getAttribute("aria-label"), getComputedStyle(document.activeElement).outlineStyle]',
    );
    const [focused, outline] = found as [string | null, string];
    if (focused !== label) continue;
    assert.notEqual(outline, 'none', 'the focus must be seen');
    return;
  }
  assert.fail(`${label} was not reached by Tab`);
}

suite('live', needs('chromium'), () => {
  test('a change on the server shows without reloading, is announced, and keeps the focus', async (t) => {
    const { world, address, browser } = await stage(t);
    const { running } = fill(world);
    const page = await browser.open(address);
    await page.waitForSelector('#live[data-state=on]');
    await page.focus(`#run-${running} a`);
    const at = world.runs.findIndex(({ summary }) => summary.jobId === running);
    const run = world.runs[at];
    assert.ok(run);
    world.runs[at] = { ...run, summary: { ...run.summary, phase: 'saving' } };
    world.change();
    await holds(page, `document.querySelector("#run-${running} .gc-status").textContent.trim() === "Saving"`);
    await holds(page, 'document.getElementById("announcer").textContent === "Fix the login dialog: Saving"');
    assert.equal(await page.evaluate('document.activeElement.getAttribute("href")'), `/runs/${running}`);
    await page.close();
    await until(() => world.listeners() === 0, { what: 'the stream of a closed page to end' });
  });

  test('a run that waits turns into its live log by itself', async (t) => {
    const { world, address, browser } = await stage(t);
    const { waiting, running } = fill(world);
    const page = await browser.open(`${address}/runs/${waiting}`);
    assert.match(String(await page.textContent('#run-head')), /runs are before it|next in line/);
    const at = world.runs.findIndex(({ summary }) => summary.jobId === waiting);
    const run = world.runs[at];
    const donor = world.runs.find(({ summary }) => summary.jobId === running);
    assert.ok(run && donor);
    world.runs[at] = {
      ...run,
      summary: { ...run.summary, state: 'running', phase: 'running' },
      attempts: donor.attempts,
    };
    await page.waitForSelector('#live[data-state=on]');
    world.change();
    await page.waitForSelector('#L1');
  });
});
