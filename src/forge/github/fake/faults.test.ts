import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';

test(
  'a fault meets the paths and methods it is meant for, as often and as long as ordered',
  needs('git'),
  async (context) => {
    const clock = createHandClock();
    const { github, ask } = await openGitHubStage(context, { clock });
    const pulls = github.faults.add({ does: 'answer', status: 502, path: /\/pulls/, times: 2 });
    const statuses: number[] = [];
    for (const path of ['/pulls', '', '/pulls?page=1', '/pulls'])
      statuses.push((await ask(`GET /repos/ada/tool${path}`)).status);
    assert.deepEqual([statuses, pulls.hits], [[502, 200, 502, 200], 2]);
    github.faults.add({ does: 'answer', status: 503, headers: { 'retry-after': '7' }, method: 'POST', forMs: 1000 });
    const refused = await ask('POST /repos/ada/tool/issues', { title: 'T' });
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '7']);
    assert.equal((await ask('GET /repos/ada/tool')).status, 200);
    clock.pass(1000);
    assert.equal((await ask('POST /repos/ada/tool/issues', { title: 'T' })).status, 201);
    const lifted = github.faults.add({ does: 'answer', status: 500 });
    assert.equal((await ask('GET /user')).status, 500);
    lifted.lift();
    assert.equal((await ask('GET /user')).status, 200);
  },
);

test('a connection is cut before a write took effect, or after', needs('git'), async (context) => {
  const { github, ask, main } = await openGitHubStage(context);
  const post = (name: string): ReturnType<typeof ask> =>
    ask(`POST /repos/ada/tool/statuses/${main}`, { state: 'success', context: name });
  github.faults.add({ does: 'drop', when: 'before', times: 1, path: /statuses/ });
  await assert.rejects(post('before'));
  github.faults.add({ does: 'drop', when: 'after', times: 1, path: /statuses/ });
  await assert.rejects(post('after'));
  assert.deepEqual(
    github.people.statuses('ada/tool', main).map((status) => status.context),
    ['after'],
  );
  assert.deepEqual(
    github.requests.slice(-2).map(({ method, status }) => [method, status]),
    [
      ['POST', 0],
      ['POST', 0],
    ],
  );
});

test(
  'a replica that lags shows what was, in REST and in GraphQL; writing sees what is',
  needs('git'),
  async (context) => {
    const clock = createHandClock();
    const { github, ask, main } = await openGitHubStage(context, { clock });
    const { people } = github;
    await people.commit('ada/tool', { branch: 'b', files: { a: '1' } });
    await people.openPull('ada/tool', { branch: 'b', title: 'Old' });
    clock.pass(10_000);
    await people.editPull('ada/tool', 1, { title: 'New' });
    people.setStatus('ada/tool', main, { state: 'success', by: 'ada' });
    clock.pass(2000);
    const title = async (): Promise<string> =>
      ((await ask('GET /repos/ada/tool/pulls/1')).body as { title: string }).title;
    const query = '{ repository(owner: "ada", name: "tool") { pullRequest(number: 1) { title updatedAt } } }';
    const graph = async (): Promise<string> => {
      const { body } = await ask('POST /graphql', { query });
      return (body as { data: { repository: { pullRequest: { title: string } } } }).data.repository.pullRequest.title;
    };
    const lag = github.faults.add({ does: 'lag', behindMs: 5000 });
    assert.deepEqual([await title(), await graph()], ['Old', 'Old']);
    const { statuses } = (await ask(`GET /repos/ada/tool/commits/${main}/status`)).body as { statuses: unknown[] };
    assert.equal(statuses.length, 0);
    const patched = await ask('PATCH /repos/ada/tool/pulls/1', { body: 'more' });
    assert.equal((patched.body as { title: string }).title, 'New');
    clock.pass(3000);
    assert.equal(await title(), 'New', 'it catches up');
    lag.lift();
    people.editIssue('ada/tool', 1, { title: 'Newest' });
    assert.deepEqual([await title(), await graph()], ['Newest', 'Newest']);
    github.faults.add({ does: 'lag', behindMs: 15_001 });
    assert.equal((await ask('GET /repos/ada/tool/pulls/1')).status, 404, 'before it was opened');
  },
);

test('latency is paid by every request, a delay by those it is meant for', needs('git'), async (context) => {
  const { github, ask } = await openGitHubStage(context);
  const took = async (request: string): Promise<number> => {
    const startedAt = performance.now();
    await ask(request);
    return performance.now() - startedAt;
  };
  github.faults.latencyMs = 40;
  assert.ok((await took('GET /user')) >= 39);
  github.faults.add({ does: 'delay', ms: 120, path: /^\/user$/, times: 1 });
  assert.ok((await took('GET /user')) >= 119);
  assert.ok((await took('GET /user')) >= 39);
  github.faults.clear();
  assert.equal(github.faults.latencyMs, 0);
});
