import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { asker } from '../../../../test/support/github-call.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';

/** The message of a refusal, or of its first error. */
function said(body: unknown): string {
  const { message = '', errors = [] } = body as { message?: string; errors?: { message?: string; code?: string }[] };
  return [message, ...errors.map((error) => error.message ?? error.code ?? '')].join(': ');
}

test('a description of 140 characters is taken, one of 141 is refused', needs('git'), async (context) => {
  const { ask, main } = await openGitHubStage(context);
  const post = (description: string): ReturnType<typeof ask> =>
    ask(`POST /repos/ada/tool/statuses/${main}`, { state: 'pending', context: 'c', description });
  // Characters, not bytes and not halves of a pair.
  for (const letter of ['x', 'ü', '🦊']) {
    assert.equal((await post(letter.repeat(140))).status, 201, letter);
    const refused = await post(letter.repeat(141));
    assert.equal(refused.status, 422, letter);
    assert.match(said(refused.body), /description is too long \(maximum is 140 characters\)/);
  }
});

test('the 1,001st status of a commit and context is refused, and others still go', needs('git'), async (context) => {
  const { github, ask, main } = await openGitHubStage(context);
  for (let i = 0; i < 999; i += 1)
    github.people.setStatus('ada/tool', main, { context: 'c', state: 'pending', by: 'ada' });
  const post = (name: string): ReturnType<typeof ask> =>
    ask(`POST /repos/ada/tool/statuses/${main}`, { state: 'success', context: name });
  assert.equal((await post('c')).status, 201);
  const refused = await post('c');
  assert.equal(refused.status, 422);
  assert.match(said(refused.body), /maximum number of statuses/);
  assert.equal((await post('other')).status, 201);
});

test(
  'a status is refused for a wrong state, address, context and for an unknown commit',
  needs('git'),
  async (context) => {
    const { ask, main } = await openGitHubStage(context);
    const post = async (body: unknown, sha = main): Promise<number> =>
      (await ask(`POST /repos/ada/tool/statuses/${sha}`, body)).status;
    assert.equal(await post({ state: 'passed' }), 422);
    assert.equal(await post({ context: 'c' }), 422);
    assert.equal(await post({ state: 'success', context: 'x'.repeat(256) }), 422);
    assert.equal(await post({ state: 'success', context: 5 }), 422);
    assert.equal(await post({ state: 'success', target_url: 'javascript:alert(1)' }), 422);
    const unknown = await ask(`POST /repos/ada/tool/statuses/${'0'.repeat(40)}`, { state: 'success' });
    assert.equal(unknown.status, 422);
    assert.match(said(unknown.body), /No commit found for SHA/);
    assert.equal(await post({ state: 'success' }, 'nothing'), 404);
  },
);

test('a request without User-Agent is refused before anything else', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const { hostname, port } = new URL(github.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString('utf8')));
    socket.on('end', () => {
      resolve(text);
    });
    socket.on('error', reject);
    socket.write('GET /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nothing\r\nConnection: close\r\n\r\n');
  });
  assert.match(answer, /^HTTP\/1\.1 403 /);
  assert.match(answer, /User-Agent/);
});

test('bad, expired and revoked tokens are refused with 401, whatever is asked', needs('git'), async (context) => {
  const clock = createHandClock();
  const { github } = await openGitHubStage(context, { clock });
  const { people } = github;
  const short = people.createToken('ada', { expiresAt: clock.now() + 1000 });
  const gone = people.createToken('ada');
  assert.equal((await asker(github.url, short)('GET /user')).status, 200);
  const told = await asker(github.url, gone)('GET /user');
  assert.deepEqual([told.status, told.headers.get('x-oauth-scopes')], [200, 'admin:repo_hook, read:org, repo']);
  const fine = await asker(github.url, people.createToken('ada', { scopes: null }))('GET /user');
  assert.deepEqual([fine.status, fine.headers.get('x-oauth-scopes')], [200, null]);
  clock.pass(1000);
  people.revokeToken(gone);
  for (const token of [short, gone, 'ghp_wrong', '']) {
    for (const request of ['GET /user', 'GET /repos/ada/tool', 'POST /graphql']) {
      const { status, body } = await asker(github.url, token)(request, request.startsWith('POST') ? {} : undefined);
      assert.deepEqual([status, said(body)], [401, 'Bad credentials'], request);
    }
  }
});

test(
  'nobody sees a private repository who may not, and nobody writes who may only read',
  needs('git'),
  async (context) => {
    const { github, as, main } = await openGitHubStage(context, { isPrivate: true });
    const status = `POST /repos/ada/tool/statuses/${main}`;
    for (const ask of [as('eve'), as(null)]) {
      assert.equal((await ask('GET /repos/ada/tool')).status, 404);
      assert.equal((await ask('GET /repos/ada/tool/pulls')).status, 404);
      assert.equal((await ask(status, { state: 'success' })).status, 404);
    }
    const { data } = (await as('eve')('POST /graphql', { query: '{ repository(owner: "ada", name: "tool") { id } }' }))
      .body as {
      data: { repository: unknown };
    };
    assert.equal(data.repository, null);
    const eve = as('eve');
    github.people.setCollaborator('ada/tool', 'eve', 'pull');
    assert.equal((await eve('GET /repos/ada/tool')).status, 200);
    assert.equal((await eve(status, { state: 'success' })).status, 403);
    assert.equal((await eve('GET /repos/ada/tool/hooks')).status, 404);
    assert.equal((await eve('GET /repos/ada/tool/collaborators/ada/permission')).status, 403);
    github.people.setCollaborator('ada/tool', 'eve', 'push');
    assert.equal((await eve(status, { state: 'success' })).status, 201);
    assert.equal((await eve('GET /repos/ada/tool/collaborators/ada/permission')).status, 200);
    const writers = (await eve('GET /repos/ada/tool/collaborators?permission=push')).body as { login: string }[];
    assert.deepEqual(
      writers.map(({ login }) => login),
      ['ada', 'eve'],
    );
    const admins = (await eve('GET /repos/ada/tool/collaborators?permission=admin')).body as { login: string }[];
    assert.deepEqual(
      admins.map(({ login }) => login),
      ['ada'],
    );
  },
);

test('anonymous writes are refused with 401 on a public repository', needs('git'), async (context) => {
  const { as, main } = await openGitHubStage(context);
  assert.equal((await as(null)('GET /repos/ada/tool/pulls')).status, 200);
  assert.equal((await as(null)(`POST /repos/ada/tool/statuses/${main}`, { state: 'success' })).status, 401);
  assert.equal((await as(null)('GET /user')).status, 401);
  assert.equal((await as(null)('POST /graphql', { query: '{ viewer { login } }' })).status, 401);
});

test('bodies that are no JSON, no object, or too large are refused', needs('git'), async (context) => {
  const { ask } = await openGitHubStage(context);
  const post = async (body: string): Promise<number> => (await ask('POST /repos/ada/tool/issues', body)).status;
  assert.equal(await post('{'), 400);
  assert.equal(await post('5'), 400);
  assert.equal(await post(JSON.stringify({ title: 'T', body: 'x'.repeat(65_536) })), 201);
  assert.equal(await post(JSON.stringify({ title: 'T', body: 'x'.repeat(65_537) })), 422);
  assert.equal(await post(JSON.stringify({ title: 'T', body: 'x'.repeat(2_000_000) })), 413);
  assert.equal(await post(JSON.stringify({ title: ' ' })), 422);
  const comment = await ask('POST /repos/ada/tool/issues/1/comments', { body: 'x'.repeat(65_537) });
  assert.equal(comment.status, 422);
  assert.match(said(comment.body), /too long \(maximum is 65536 characters\)/);
  const version = await ask('GET /user', undefined, { 'x-github-api-version': '1999-01-01' });
  assert.equal(version.status, 400);
});

test('a locked issue takes comments only from who may push', needs('git'), async (context) => {
  const { github, ask, as } = await openGitHubStage(context);
  github.people.createIssue('ada/tool', { title: 'T', by: 'eve' });
  assert.equal((await ask('PUT /repos/ada/tool/issues/1/lock')).status, 204);
  const body = { body: 'hi' };
  assert.equal((await as('eve')('POST /repos/ada/tool/issues/1/comments', body)).status, 403);
  assert.equal((await ask('POST /repos/ada/tool/issues/1/comments', body)).status, 201);
  assert.equal((await ask('DELETE /repos/ada/tool/issues/1/lock')).status, 204);
  assert.equal((await as('eve')('POST /repos/ada/tool/issues/1/comments', body)).status, 201);
});
