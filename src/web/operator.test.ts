import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeWorld, fakeToken } from '../../test/support/fake-web-deps.ts';
import { GroundcrewError } from '../base/errors.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { createWebApp } from './app.ts';
import type { Operator, PolicySeen } from './operator.ts';

const fine: PolicySeen = { version: '0123456789ab', since: 1, problem: null, needsRestart: [] };

const snapshot: Snapshot = {
  change: {
    key: 'github|o/r|pull/7',
    forge: 'github',
    repo: 'o/r',
    pull: 7,
    branch: null,
    headSha: 'a'.repeat(40),
    baseRef: 'main',
    title: '<b>hello</b>',
    author: 'ada',
    labels: [],
    isDraft: false,
    isOpen: true,
    trust: 'trusted',
    version: 1,
  },
  remembersStatuses: true,
  statuses: [],
  requests: [],
  approvedShas: [],
  plan: { kind: 'checks', checks: [] },
  jobs: [],
};

function operatorWith(overrides: Partial<Operator> = {}): Operator {
  return {
    policy: () => fine,
    repos: () => [
      { forge: 'github', repo: 'o/r' },
      { forge: 'git', repo: 'plain' },
    ],
    scan: async () => ({ places: 3, looked: 2, changed: 1, failed: 0, tookMs: 5 }),
    places: async () => ['github|o/r|pull/7'],
    peek: async () => ({ snapshot, actions: [{ kind: 'notice', sha: 'a', context: 'c', notice: null }] }),
    explain: () => [{ context: 'c', runs: true, why: 'Wanted for main' }],
    ...overrides,
  };
}

const ask = async (
  operator: Operator,
  path: string,
  init: RequestInit & { token?: boolean } = {},
): Promise<Response> => {
  const { token = true, ...rest } = init;
  return createWebApp(createFakeWorld({ operator }).deps).request(path, {
    ...rest,
    headers: { host: '127.0.0.1', ...(token ? { authorization: `Bearer ${fakeToken}` } : {}) },
  });
};
const scan = (operator: Operator, body: unknown): Promise<Response> =>
  ask(operator, '/api/scan', { method: 'POST', body: JSON.stringify(body) });
const linesOf = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('without the token nobody makes the server ask a forge', async () => {
  const never = operatorWith({
    scan: () => assert.fail('scanned'),
    peek: () => assert.fail('peeked'),
    places: () => assert.fail('listed'),
  });
  assert.equal((await ask(never, '/api/scan', { method: 'POST', body: '{}', token: false })).status, 401);
  assert.equal((await ask(never, '/api/explain?repo=o/r&place=pull/7', { token: false })).status, 401);
});

test('a scan tells of each repository as it is done, and a broken one does not stop the next', async () => {
  const operator = operatorWith({
    scan: async ({ repo }) => {
      if (repo === 'o/r') throw new GroundcrewError('forge/unreachable', 'GitHub is away', { retry: 'later' });
      return { places: 1, looked: 1, changed: 0, failed: 0, tookMs: 2 };
    },
  });
  assert.deepEqual(await linesOf(await scan(operator, {})), [
    { forge: 'github', repo: 'o/r', error: 'GitHub is away' },
    { forge: 'git', repo: 'plain', places: 1, looked: 1, changed: 0, failed: 0, tookMs: 2 },
  ]);
  assert.equal((await scan(operator, { repo: 'o/other' })).status, 404);
  assert.equal((await scan(operator, { repos: [] })).status, 400);
});

test('a dry run tells what would be done at each place, and does nothing', async () => {
  const operator = operatorWith({ scan: () => assert.fail('scanned') });
  assert.deepEqual(await linesOf(await scan(operator, { repo: 'o/r', isDryRun: true })), [
    { forge: 'github', repo: 'o/r', changeKey: 'github|o/r|pull/7', actions: ['withdraw what c says'] },
    { forge: 'github', repo: 'o/r', isEnd: true },
  ]);
});

test('explain answers with the change, the version of the policy and a reason for each context', async () => {
  const asked: string[] = [];
  const operator = operatorWith({
    peek: async (_repo, changeKey) => {
      asked.push(changeKey);
      return changeKey.endsWith('/8') ? null : { snapshot, actions: [] };
    },
  });
  const answer = (await (await ask(operator, '/api/explain?repo=o/r&place=pull/7')).json()) as Record<string, unknown>;
  assert.deepEqual(asked, ['github|o/r|pull/7']);
  assert.equal(answer['policy'], fine.version);
  assert.equal((answer['change'] as { title: string }).title, '<b>hello</b>');
  assert.deepEqual(answer['contexts'], [{ context: 'c', runs: true, why: 'Wanted for main' }]);
  assert.equal((await ask(operator, '/api/explain?repo=o/r&place=pull/8')).status, 404);
  assert.equal((await ask(operator, '/api/explain?repo=o/other&place=pull/7')).status, 404);
  for (const place of ['', 'pull/0', 'pull/7x', 'branch/', 'branch/a%0Ab', '..%2F..']) {
    assert.equal((await ask(operator, `/api/explain?repo=o/r&place=${place}`)).status, 400, place);
  }
});

test('a forge that is away is told as that, not as our failure', async () => {
  const operator = operatorWith({
    peek: () => Promise.reject(new GroundcrewError('forge/unreachable', 'GitHub is away', { retry: 'later' })),
  });
  const response = await ask(operator, '/api/explain?repo=o/r&place=pull/7');
  assert.equal(response.status, 502);
  assert.deepEqual(await response.json(), { error: 'GitHub is away', code: 'forge/unreachable' });
});

test('a wrong configuration is told to everybody, and what is wrong with it only to whoever has the token', async () => {
  const wrong = operatorWith({ policy: () => ({ ...fine, problem: '/etc/x.yaml:1:1: a: unknown key' }) });
  const open = (await (await ask(wrong, '/api/policy', { token: false })).json()) as Record<string, unknown>;
  assert.deepEqual([open['version'], open['isValid'], open['problem']], [fine.version, false, null]);
  const full = (await (await ask(wrong, '/api/policy')).json()) as Record<string, unknown>;
  assert.equal(full['problem'], '/etc/x.yaml:1:1: a: unknown key');
  const health = await ask(wrong, '/healthz', { token: false });
  assert.equal(health.status, 200);
  assert.match(await health.text(), /the configuration file is wrong, version 0123456789ab stays in force/);
  assert.equal(await (await ask(operatorWith(), '/healthz', { token: false })).text(), 'ok\n');
  const page = await (await ask(wrong, '/', { token: false })).text();
  assert.match(page, /The configuration file is wrong; version 0123456789ab stays in force/);
  assert.doesNotMatch(page, /x\.yaml/);
  assert.match(await (await ask(operatorWith(), '/', { token: false })).text(), /Policy <code>0123456789ab<\/code>/);
});
