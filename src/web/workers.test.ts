import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { axeFindings, openBrowser } from '../../test/support/browser.ts';
import { createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { needs } from '../../test/support/needs.ts';
import type { WorkerSeen } from '../ledger/ledger-reader.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';
import type { WebDeps } from './web-deps.ts';

const evil = '<img src=x onerror=alert(1)>';

function worldOf(): { readonly deps: WebDeps; readonly wishes: string[] } {
  const { deps } = createFakeWorld();
  const wishes: string[] = [];
  const seen: WorkerSeen = {
    worker: 'one',
    pool: 'default',
    capabilities: ['arch:amd64', 'kvm', evil],
    slots: 4,
    hostname: 'one.example',
    version: '0.1.0',
    cpus: 8,
    memoryBytes: 16 * 2 ** 30,
    since: Date.now() - 3_600_000,
    lastHeardAt: Date.now() - 4_000,
    hasLeft: false,
    running: 1,
    runs: [
      {
        jobId: 'a'.repeat(32) as WorkerSeen['runs'][number]['jobId'],
        repo: 'demo',
        context: evil,
        phase: 'running',
        since: Date.now() - 60_000,
      },
    ],
    standing: { takesJobs: true, isPaused: false, why: null },
    wish: 'work',
    wishBy: null,
  };
  const idle = { ...seen, running: 0, runs: [] };
  const workers: WorkerSeen[] = [
    seen,
    { ...idle, worker: 'two', standing: { takesJobs: false, isPaused: false, why: `only 1 MiB are free ${evil}` } },
    {
      ...idle,
      worker: 'three',
      standing: { takesJobs: false, isPaused: true, why: 'paused' },
      wish: 'pause',
      wishBy: 'ann',
    },
    { ...idle, worker: 'four', lastHeardAt: Date.now() - 600_000 },
    { ...idle, worker: 'five', hasLeft: true },
  ];
  const reader = { ...deps.reader, workers: async () => workers };
  const wishOfWorker = async (worker: string, wish: string, by: string): Promise<boolean> => {
    wishes.push(`${worker} ${wish} ${by}`);
    return worker === 'one';
  };
  return { deps: { ...deps, reader, wishOfWorker }, wishes };
}

const host = { Host: '127.0.0.1' };

test('the page tells who is there, what each does, and why one takes nothing, whatever workers say', async () => {
  const text = await (await createWebApp(worldOf().deps).request('/workers', { headers: host })).text();
  for (const word of [
    'Running',
    'Takes none',
    'Paused',
    'Silent',
    'Left',
    'only 1 MiB are free',
    'pause wanted by ann',
  ]) {
    assert.ok(text.includes(word), word);
  }
  assert.match(text, /href="\/runs\/a{32}"/);
  assert.doesNotMatch(text, /<img/);
});

test('a wish needs the token, a worker that is known, and words that are ours', async () => {
  const { deps, wishes } = worldOf();
  const app = createWebApp(deps);
  const last = (): string | undefined => wishes.at(-1);
  const ask = async (body: unknown, token: string | null = deps.token): Promise<number> => {
    const authorization = token === null ? {} : { Authorization: `Bearer ${token}` };
    const init = { method: 'POST', headers: { ...host, ...authorization }, body: JSON.stringify(body) };
    return (await app.request('/api/workers', init)).status;
  };
  assert.equal(await ask({ worker: 'one', wish: 'pause' }, null), 401);
  assert.equal(await ask({ worker: 'one', wish: 'pause' }, 'x'.repeat(20)), 401);
  assert.equal(await ask({ worker: '../one', wish: 'pause' }), 400);
  assert.equal(await ask({ worker: 'one', wish: 'explode' }), 400);
  assert.deepEqual(wishes, []);
  assert.equal(await ask({ worker: 'one', wish: 'pause', by: 'ann' }), 202);
  assert.equal(await ask({ worker: 'nobody', wish: 'work' }), 404);
  assert.deepEqual(wishes, ['one pause ann', 'nobody work somebody with the token']);
  const form = (fields: Record<string, string>): Promise<Response> | Response =>
    app.request('/actions/workers', { method: 'POST', headers: host, body: new URLSearchParams(fields).toString() });
  assert.equal((await form({ worker: 'one', wish: 'drain' })).status, 401);
  assert.equal((await form({ worker: 'one', wish: 'drain', token: deps.token, back: '/workers' })).status, 303);
  assert.equal(last(), 'one drain page');
});

suite('looks', needs('chromium'), () => {
  test('it passes axe in light, dark and at 360 px, and a worker is paused by keyboard', async (t) => {
    const { deps, wishes } = worldOf();
    const server = await startWebServer(createWebApp(deps), { host: '127.0.0.1', port: 0 });
    t.after(async () => {
      await server.close();
    });
    const browser = await openBrowser(t);
    for (const wish of [{}, { scheme: 'dark' }, { width: 360, height: 740 }] as const) {
      const page = await browser.open(`${server.address}/workers`, wish);
      assert.deepEqual(await axeFindings(page), [], JSON.stringify(wish));
      assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false);
      await page.close();
    }
    const page = await browser.open(`${server.address}/workers#token=${deps.token}`, {});
    await page.locator('button[aria-label="Pause: one"]').focus();
    await page.keyboard.press('Enter');
    await page.locator('#toasts').getByText('Pause: asked for').waitFor();
    assert.deepEqual(wishes, ['one pause page']);
    assert.deepEqual(browser.troubles, []);
  });
});
