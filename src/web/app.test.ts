import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  addFakeHeld,
  addFakeRun,
  createFakeWorld,
  fakeToken,
  type FakeWorld,
} from '../../test/support/fake-web-deps.ts';
import { GroundcrewError } from '../base/errors.ts';
import { createWebApp } from './app.ts';

const host = { Host: '127.0.0.1:7480' };

function ask(world: FakeWorld, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...host, ...(init.headers as Record<string, string> | undefined) };
  return Promise.resolve(createWebApp(world.deps).request(path, { ...init, headers }));
}

function post(world: FakeWorld, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return ask(world, '/api/requests', {
    method: 'POST',
    headers: { Authorization: `Bearer ${fakeToken}`, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function errorOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: string }).error;
}

test('the addresses of a run that was forgotten say so, as a page, to scripts, and for its files', async () => {
  const world = createFakeWorld();
  for (const path of ['', '/2', '/files/1/shot.png']) {
    const response = await ask(world, `/runs/${'a'.repeat(32)}${path}`);
    assert.equal(response.status, 404, path);
    assert.match(await response.text(), /forgotten.*retention\.runs/s, path);
  }
  for (const path of ['', '/log']) {
    const response = await ask(world, `/api/runs/${'a'.repeat(32)}${path}`);
    assert.equal(response.status, 404, path);
    assert.match(await errorOf(response), /forgotten.*retention\.runs/, path);
  }
});

suite('requests', () => {
  test('a retry of a run is recorded with the place and commit of that run', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world, { context: 'debian-12', sha: 'a'.repeat(40) });
    const response = await post(world, { kind: 'retry', jobId: id.slice(0, 10), by: 'ada' });
    assert.equal(response.status, 202);
    assert.deepEqual(await response.json(), { deliveryId: 'delivery-1' });
    assert.deepEqual(world.submissions, [
      {
        kind: 'retry',
        by: 'ada',
        contexts: ['debian-12'],
        jobId: id,
        forge: 'local',
        repo: '/home/ada/src/hello',
        changeKey: 'local|/home/ada/src/hello|branch/main',
        sha: 'a'.repeat(40),
      },
    ]);
  });

  test('an approval names the commit and finds the change that waits there', async () => {
    const world = createFakeWorld();
    addFakeHeld(world);
    const sha = 'deadbeef'.repeat(5);
    assert.equal((await post(world, { kind: 'approve', sha })).status, 202);
    assert.equal(world.submissions[0]?.changeKey, 'local|/home/ada/src/hello|pull/7');
    assert.equal(
      await errorOf(await post(world, { kind: 'approve' })),
      'sha: an approval names the commit that it is for',
    );
    const moved = await post(world, { kind: 'approve', sha: 'b'.repeat(40) });
    assert.equal(moved.status, 404);
    assert.match(await errorOf(moved), /its head may have moved/);
  });

  test('a test is asked for by change, or by repository and commit', async () => {
    const world = createFakeWorld();
    addFakeRun(world, { sha: 'a'.repeat(40) });
    const changeKey = 'local|/home/ada/src/hello|branch/main';
    assert.equal((await post(world, { kind: 'test', changeKey, contexts: ['x'] })).status, 202);
    assert.equal((await post(world, { kind: 'test', repo: '/home/ada/src/hello', sha: 'a'.repeat(40) })).status, 202);
    assert.deepEqual(
      world.submissions.map(({ sha, repo, contexts }) => ({ sha, repo, contexts })),
      [
        { sha: null, repo: '/home/ada/src/hello', contexts: ['x'] },
        { sha: 'a'.repeat(40), repo: '/home/ada/src/hello', contexts: [] },
      ],
    );
  });

  test('what cannot be asked is refused in one line', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    const cases: readonly (readonly [unknown, number, RegExp])[] = [
      ['{', 400, /not JSON/],
      [{}, 400, /^kind: /],
      [{ kind: 'explode' }, 400, /^kind: /],
      [{ kind: 'retry', jobId: '../../etc' }, 400, /^jobId: must be 6 to 32 hex digits/],
      [{ kind: 'retry', jobId: 'ffffff' }, 404, /no run has the id/],
      [{ kind: 'retry' }, 400, /name a jobId/],
      [{ kind: 'cancel', jobId: id }, 409, /has ended already/],
      [{ kind: 'test', changeKey: 'nonsense' }, 400, /^changeKey: /],
      [{ kind: 'test', changeKey: 'a|b|branch/x', repo: 'c' }, 400, /^repo: /],
      [{ kind: 'test', changeKey: 'a|b|branch/x\n' }, 400, /control characters/],
      [{ kind: 'test', extra: 1 }, 400, /extra/],
    ];
    for (const [body, status, why] of cases) {
      const response = await post(world, body);
      assert.equal(response.status, status, JSON.stringify(body));
      const error = await errorOf(response);
      assert.match(error, why);
      assert.doesNotMatch(error, /\n/);
    }
    assert.deepEqual(world.submissions, []);
  });

  test('without the token nothing is recorded and the answer says where the token is', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${fakeToken}`, `Bearer ${fakeToken}x`]) {
      const response = await post(world, { kind: 'retry', jobId: id }, { Authorization: authorization });
      assert.equal(response.status, 401);
      assert.match(await errorOf(response), /groundcrew up/);
    }
    assert.deepEqual(world.submissions, []);
  });

  test('an empty token of a broken configuration opens nothing', async () => {
    const world = createFakeWorld({ token: '' });
    assert.equal(
      (await post(world, { kind: 'retry', jobId: addFakeRun(world) }, { Authorization: 'Bearer ' })).status,
      401,
    );
  });

  test('a body past the limit is refused, with and without an announced length', async () => {
    const world = createFakeWorld();
    assert.equal((await post(world, `{"kind":"${'x'.repeat(70_000)}"}`)).status, 413);
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(32)),
    });
    const response = await createWebApp(world.deps).request('/api/requests', {
      method: 'POST',
      headers: { ...host, Authorization: `Bearer ${fakeToken}` },
      body: endless,
      duplex: 'half',
    });
    assert.equal(response.status, 413);
  });
});

test('a request that cannot be recorded is answered with the reason, when the reason is for people', async () => {
  for (const [retry, status] of [
    ['never', 400],
    ['later', 503],
  ] as const) {
    const world = createFakeWorld({
      submitRequest: () => Promise.reject(new GroundcrewError('web/cannot-listen', 'the branch is gone', { retry })),
    });
    const response = await post(world, { kind: 'retry', jobId: addFakeRun(world) });
    assert.equal(response.status, status);
    assert.equal(await errorOf(response), 'the branch is gone');
  }
});

suite('who may talk to us', () => {
  test('foreign host names are turned away, so that a rebound name reads nothing', async () => {
    const world = createFakeWorld({ publicAddress: 'https://ci.example.org' });
    const cases: readonly (readonly [string, number])[] = [
      ['127.0.0.1:7480', 200],
      ['[::1]:7480', 200],
      ['localhost', 200],
      ['192.0.2.7:7480', 200],
      ['ci.example.org', 200],
      ['evil.example', 421],
      ['127.0.0.1.evil.example', 421],
      ['localhost.evil.example', 421],
      ['ci.example.org.evil.example', 421],
      ['', 421],
    ];
    for (const [name, status] of cases) {
      for (const path of ['/api/runs', '/metrics', '/events']) {
        const response = await ask(world, path, { headers: { Host: name } });
        assert.equal(response.status, status, `${name} ${path}`);
        await response.body?.cancel();
      }
    }
  });

  test('a page of another site cannot post, even with the token', async () => {
    const world = createFakeWorld({ publicAddress: 'https://ci.example.org' });
    const id = addFakeRun(world);
    const cases: readonly (readonly [Record<string, string>, number])[] = [
      [{ Origin: 'https://evil.example' }, 403],
      [{ Origin: 'null' }, 403],
      [{ Origin: 'http://127.0.0.1:9999' }, 403],
      [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
      [{ 'Sec-Fetch-Site': 'same-site' }, 403],
      [{ Origin: 'http://127.0.0.1:7480', 'Sec-Fetch-Site': 'same-origin' }, 202],
      [{ Origin: 'https://ci.example.org' }, 202],
      [{}, 202],
    ];
    for (const [headers, status] of cases) {
      assert.equal((await post(world, { kind: 'retry', jobId: id }, headers)).status, status, JSON.stringify(headers));
    }
  });

  test('every answer forbids foreign content and sniffing, and allows no other site to read', async () => {
    const world = createFakeWorld();
    for (const path of ['/api/runs', '/healthz', '/no-such-page']) {
      const { headers } = await ask(world, path);
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'self'/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('access-control-allow-origin'), null);
      assert.equal(headers.get('set-cookie'), null);
    }
  });
});

suite('reading', () => {
  test('lists, runs, counts and health are JSON and text as the reader gives them', async () => {
    const world = createFakeWorld();
    const id = addFakeRun(world);
    addFakeRun(world, { state: 'waiting' });
    const list = (await (await ask(world, '/api/runs?state=ended&limit=1')).json()) as { runs: { jobId: string }[] };
    assert.deepEqual(
      list.runs.map(({ jobId }) => jobId),
      [id],
    );
    const run = (await (await ask(world, `/api/runs/${id.slice(0, 8)}`)).json()) as { summary: { jobId: string } };
    assert.equal(run.summary.jobId, id);
    assert.equal((await ask(world, '/api/runs?state=lost')).status, 400);
    assert.equal((await ask(world, '/api/runs/000000')).status, 404);
    assert.equal((await ask(world, '/api/held')).status, 200);
    assert.equal((await ask(world, '/api/workers')).status, 200);
    assert.deepEqual(await (await ask(world, '/api/counts')).json(), await world.deps.reader.counts());
    assert.match(await (await ask(world, '/metrics')).text(), /groundcrew_up 1/);
    assert.equal((await ask(world, '/healthz')).status, 200);
    assert.equal((await ask(createFakeWorld({ isReady: () => false }), '/readyz')).status, 503);
  });

  test('a failure inside is logged and answered without its details', async () => {
    const world = createFakeWorld({ metrics: () => Promise.reject(new Error('secret detail')) });
    const response = await ask(world, '/metrics');
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /secret/);
  });
});
