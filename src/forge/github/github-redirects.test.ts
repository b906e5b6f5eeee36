import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pullAnswer, scriptedForge, trustsNobody } from '../../../test/support/scripted-github.ts';
import { openScriptedHttp, type Scripted } from '../../../test/support/scripted-http.ts';
import type { CleansUp } from '../../../test/support/temp-dir.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { TrustRule } from '../../core/trust-rule.ts';

const sha = 'a'.repeat(40);
const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const status = {
  repo: 'acme/demo',
  sha,
  context: 'test',
  state: 'success',
  description: 'Passed',
  targetUrl: null,
} as const;

const isBadAnswer = (error: unknown): boolean =>
  isGroundcrewError(error, 'forge/bad-answer') && error.retry === 'later';

test('a status for a renamed repository is sent again to where it is now, as it was', async (context) => {
  const { forge, seen } = await scriptedForge(context, ({ path }, url) =>
    path.startsWith('/repos/')
      ? { status: 307, headers: { location: `${url()}/repositories/7/statuses/${sha}` }, body: '{"message":"Moved"}' }
      : { status: 201, body: '{}' },
  );
  await forge.setStatus(status, signal());
  assert.deepEqual(
    seen.map(({ method, path }) => `${method} ${path}`),
    [`POST /repos/acme/demo/statuses/${sha}`, `POST /repositories/7/statuses/${sha}`],
  );
  assert.equal(seen[1]?.body, seen[0]?.body);
});

for (const code of [301, 302, 304]) {
  test(`a status that is answered by ${code} is not taken for posted`, async (context) => {
    const { forge } = await scriptedForge(context, (_request, url) => ({
      status: code,
      headers: { location: `${url()}/elsewhere` },
    }));
    await assert.rejects(forge.setStatus(status, signal()), isBadAnswer);
  });
}

test('a status that is sent to another server is not sent there, and not taken for posted', async (context) => {
  const other = await openScriptedHttp(context, () => ({ status: 201, body: '{}' }));
  const { forge } = await scriptedForge(context, () => ({ status: 307, headers: { location: `${other.url}/x` } }));
  await assert.rejects(forge.setStatus(status, signal()), isBadAnswer);
  assert.deepEqual(other.seen, []);
});

/** A pull request by `mallory`; `people` answers everything about people. */
async function trustSaid(
  context: CleansUp,
  trust: Partial<TrustRule>,
  people: (path: string) => Scripted,
): Promise<string | undefined> {
  const view = pullAnswer(sha, { author: 'mallory' });
  const { forge } = await scriptedForge(context, ({ path }) => (path === '/graphql' ? { body: view } : people(path)), {
    ...trustsNobody,
    ...trust,
  });
  return (await forge.view('acme/demo', 'gh|acme/demo|pull/1', signal()))?.change.trust;
}

test('who is asked for and answered by a way to another server is no member', async (context) => {
  // An Enterprise server behind a proxy names itself otherwise than we do.
  const answer = (path: string): Scripted =>
    path.includes('/members/')
      ? { status: 302, headers: { location: 'https://ghe.example/api/v3/orgs/acme/public_members/mallory' } }
      : { status: 403, body: '{"message":"no"}' };
  assert.equal(await trustSaid(context, { organisations: ['acme'] }, answer), 'unknown');
});

test('only the words of the very route say yes', async (context) => {
  const forbidden = { status: 403, body: '{"message":"no"}' };
  const about = (said: Scripted) => (path: string) => (path.includes('/mallory') ? said : forbidden);
  const org = { organisations: ['acme'] };
  const team = { teams: ['acme/core'] };
  const write = { permission: 'write' } as const;
  assert.equal(await trustSaid(context, org, about({ status: 204 })), 'trusted');
  assert.equal(await trustSaid(context, org, about({ body: '{}' })), 'unknown');
  assert.equal(await trustSaid(context, team, about({ body: '{"state":"active"}' })), 'trusted');
  assert.equal(await trustSaid(context, team, about({ body: '{"state":"pending"}' })), 'untrusted');
  assert.equal(await trustSaid(context, team, about({ status: 204 })), 'unknown');
  assert.equal(await trustSaid(context, write, about({ body: '{"permission":"write"}' })), 'trusted');
  assert.equal(await trustSaid(context, write, about({ body: '{"permission":"read"}' })), 'untrusted');
  assert.equal(await trustSaid(context, write, about({ body: '{"state":"active"}' })), 'unknown');
  assert.equal(await trustSaid(context, write, about({ body: '{}' })), 'unknown');
});

test('a list of collaborators that does not say who may write makes nobody a writer', async (context) => {
  const list = (permissions: object) => (path: string) => {
    if (!path.includes('/collaborators?')) return { status: 404, body: '{}' };
    return { body: JSON.stringify([{ login: 'mallory', ...permissions }]) };
  };
  const write = { permission: 'write' } as const;
  assert.equal(await trustSaid(context, write, list({ permissions: { push: true } })), 'trusted');
  assert.equal(await trustSaid(context, write, list({ permissions: { push: false } })), 'untrusted');
  assert.equal(await trustSaid(context, write, list({})), 'untrusted');
});
