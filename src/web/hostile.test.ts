import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openBrowser } from '../../test/support/browser.ts';
import { addFakeHeld, addFakeRun, createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { needs } from '../../test/support/needs.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import { createWebApp } from './app.ts';
import { startWebServer } from './server.ts';

const attack = `"><img src=x onerror="alert(1)"><script>alert(2)</script>'--><svg onload=alert(3)>\u202eevil`;
const attackRef = 'x"><script>alert(4)</script>';

suite('strangers write on our pages', () => {
  test('markup in every untrusted field stays text, in the list, the run and the log', needs('chromium'), async (t) => {
    const world = createFakeWorld({
      words: { whyWaiting: () => attack, standing: () => attack },
    });
    const strange = {
      title: attack,
      branch: attackRef,
      context: attack,
      repo: attack,
      worker: attack,
      pool: attack,
      needs: [attack],
      occasion: attack,
      env: { [attack]: attack },
    };
    const id = addFakeRun(world, {
      ...strange,
      outcome: { kind: 'failed', exitCode: 1, reason: 'exit', detail: attack },
      attemptsDetail: [{ worker: attack, imageDigest: attack, testedSha: attack }],
    });
    addFakeRun(world, { ...strange, state: 'running' });
    addFakeRun(world, { ...strange, state: 'waiting' });
    addFakeHeld(world, { title: attack, author: attack, repo: attack, key: `local|${attack}|pull/7` }, attack);
    const run = world.runs[0];
    const prefix = run?.attempts[0]?.storePrefix ?? '';
    world.logs
      .get(prefix)
      ?.append(`${attack}\n\u001b]8;;javascript:alert(5)\u0007click\u001b]8;;\u0007\n\u001b]0;${attack}\u0007\n`);
    world.files.set(`${prefix}/${attackRef}.png`, { bytes: Buffer.from('x'), contentType: 'text/html' });
    const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
    t.after(() => server.close());
    const browser = await openBrowser(t);
    for (const path of [
      '/',
      `/runs/${id}`,
      `/?q=${encodeURIComponent(attack)}`,
      `/?repo=${encodeURIComponent(attack)}`,
    ]) {
      const page = await browser.open(server.address + path);
      if (path.includes(id)) await page.waitForSelector('#L2');
      world.change();
      await page.waitForSelector('#live[data-state=on]');
      const strays = await page.evaluate(
        'document.querySelectorAll("img, script:not([src]), [onerror], [onload], a[href^=javascript]").length',
      );
      assert.equal(strays, 0, path);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, path);
      await page.close();
    }
    assert.deepEqual(browser.troubles, []);
  });

  test('files of a job are never rendered: a program is a download, text is text, and all of it is sandboxed', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    const attempt = world.runs[0]?.attempts[0];
    assert.ok(attempt);
    const files = {
      'page.html': ['application/octet-stream', /^attachment/],
      'picture.svg': ['application/octet-stream', /^attachment/],
      'script.js': ['application/octet-stream', /^attachment/],
      'no-extension': ['application/octet-stream', /^attachment/],
      'deep/er/shot.PNG': ['image/png', /^inline/],
      'journal.txt': ['text/plain; charset=utf-8', /^inline/],
      'ünï "q".bin': [
        'application/octet-stream',
        /^attachment; filename="_n___q_\.bin"; filename\*=UTF-8''%C3%BCn%C3%AF%20%22q%22\.bin$/,
      ],
    } as const;
    const app = createWebApp(world.deps);
    // What the job called it, and what is left of that where a worker with a grant wrote it to an HTTP store.
    const called = ['text/html', 'text/plain; charset=utf-8'];
    const all = called.flatMap((contentType) => Object.entries(files).map((file) => [contentType, ...file] as const));
    for (const [contentType, name, [type, disposition]] of all) {
      world.files.set(`${attempt.storePrefix}/${name}`, { bytes: Buffer.from('<script>'), contentType });
      const path = name.split('/').map(encodeURIComponent).join('/');
      const response = await app.request(`/runs/${id}/files/1.1-abcdef01/${path}`, { headers: { Host: 'localhost' } });
      assert.equal(response.status, 200, name);
      assert.equal(response.headers.get('content-type'), type, name);
      assert.match(response.headers.get('content-disposition') ?? '', disposition);
      assert.match(response.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(await response.text(), '<script>');
    }
    for (const path of ['..%2f..%2fsecret', 'log', 'run.json', 'log.0-10', '%00', 'missing.txt', '..%5csecret']) {
      const response = await app.request(`/runs/${id}/files/1.1-abcdef01/${path}`, { headers: { Host: 'localhost' } });
      assert.equal(response.status, 404, path);
    }
  });

  test('no path leads out of the store or to a file that is not there, with the real store beneath', async (t) => {
    const root = await tempDir(t);
    const store = await createDirectoryStore({ root: join(root, 'store'), clock: systemClock });
    await writeFile(join(root, 'secret'), 'secret');
    const world = createFakeWorld({ store });
    const id = addFakeRun(world);
    const prefix = world.runs[0]?.attempts[0]?.storePrefix ?? '';
    const kept = { contentType: 'text/html', visibility: 'public' } as const;
    await store.put(`${prefix}/sub/it.txt`, { bytes: Buffer.from('fine') }, kept);
    await store.put(`${prefix}/kept.txt`, { bytes: Buffer.from('fine') }, { ...kept, isDownload: true });
    await store.put(`${prefix}/log`, { bytes: Buffer.from('log') }, kept);
    const app = createWebApp(world.deps);
    const get = async (path: string): Promise<Response> =>
      app.request(`/runs/${id}/files/1.1-abcdef01/${path}`, { headers: { Host: 'localhost' } });
    const found = await get('sub/it.txt');
    assert.equal(await found.text(), 'fine');
    assert.equal(found.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.match((await get('kept.txt')).headers.get('content-disposition') ?? '', /^attachment/);
    const strange = [
      '../../../../secret',
      '%2e%2e/%2e%2e/secret',
      '..%2f..%2f..%2f..%2fsecret',
      'sub',
      'sub/',
      'sub//it.txt',
    ];
    for (const path of [...strange, '.', '%00', 'a%0ab', 'x'.repeat(3000), '%ff', 'log']) {
      const answer = await get(path);
      assert.equal(answer.status, 404, path.slice(0, 40));
      assert.doesNotMatch(await answer.text(), /^secret/);
    }
    const page = await (await app.request(`/runs/${id}`, { headers: { Host: 'localhost' } })).text();
    assert.match(page, /files\/1\.1-abcdef01\/sub\/it\.txt/);
  });

  test('the raw log is plain text that nothing sniffs or runs', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    world.logs.get(world.runs[0]?.attempts[0]?.storePrefix ?? '')?.append('<script>alert(1)</script>\u0000\u00ff');
    const response = await createWebApp(world.deps).request(`/api/runs/${id}/log`, { headers: { Host: 'localhost' } });
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.match(response.headers.get('content-security-policy') ?? '', /^sandbox/);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.match(await response.text(), /^<script>/);
  });

  test('the form without script leads back to our own pages only', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    for (const [back, place] of [
      ['//evil.example', '/'],
      ['/\\evil.example', '/'],
      ['https://evil.example', '/'],
      ['javascript:alert(1)', '/'],
      [`/runs/${id}`, `/runs/${id}`],
    ] as const) {
      const response = await createWebApp(world.deps).request('/actions', {
        method: 'POST',
        headers: { Host: 'localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ kind: 'retry', jobId: id, back, token: world.deps.token }).toString(),
      });
      assert.equal(response.status, 303);
      assert.equal(response.headers.get('location'), place);
    }
  });
});
