import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openGitHttpServer, type GitHttpServer } from '../../test/support/git-http-server.ts';
import { makeRepo } from '../../test/support/git-repo.ts';
import { openLoneAttempts } from '../../test/support/lone-attempt.ts';
import { needs } from '../../test/support/needs.ts';
import { filesWith, formsOfPassword } from '../../test/support/secret-search.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { gitCredential } from '../base/git-credential.ts';
import { GroundcrewError } from '../base/errors.ts';
import type { Outcome } from '../core/outcome.ts';

const username = 'x-access-token';
const good = 'ghs_16C7e42F292c6912E7710c838347Ae178B4a';
const withdrawn = 'ghs_0f3b7a9d5c1e482f6ab04d9e7c31f85a26b4';
const basic = `Basic ${Buffer.from(`${username}:${good}`).toString('base64')}`;

/** One attempt at a private repository; `give` is the forge, which says a password. Neither of the two stands anywhere afterwards. */
async function attemptWith(
  context: TestContext,
  server: GitHttpServer,
  { sha, give }: { readonly sha: string; readonly give: (isRefused: boolean) => string },
): Promise<{ readonly outcome: Outcome; readonly asked: readonly boolean[] }> {
  const asked: boolean[] = [];
  const { origin } = new URL(server.url);
  const lone = await openLoneAttempts(context, async ({ repo }, _signal, isRefused = false) => {
    assert.equal(repo, 'acme/private');
    asked.push(isRefused);
    return Promise.resolve(gitCredential(origin, { username, password: give(isRefused) }));
  });
  const outcome = await lone.run(`${server.url}private/.git`, { repo: 'acme/private', sha });
  const secrets = [good, withdrawn].flatMap((password) => formsOfPassword(username, password));
  assert.deepEqual(filesWith(secrets, lone.root), []);
  for (const text of [...lone.said, JSON.stringify(outcome)])
    assert.ok(!secrets.some((secret) => text.includes(secret)), text);
  return { outcome, asked };
}

async function privateRepo(context: TestContext): Promise<{ readonly dir: string; readonly sha: string }> {
  const dir = await tempDir(context);
  return { dir, sha: makeRepo(join(dir, 'private')).commit({ a: '1' }) };
}

const refused = ({ requests }: GitHttpServer): number =>
  requests.filter(({ authorization }) => authorization !== undefined && authorization !== basic).length;

function detailOf(outcome: Outcome): string {
  assert.ok(outcome.kind === 'broken' && outcome.cause === 'checkout', JSON.stringify(outcome));
  return outcome.detail ?? '';
}

test('a fetch that the forge refuses goes on in the same attempt with other credentials', needs('git'), async (t) => {
  const { dir, sha } = await privateRepo(t);
  await using server = await openGitHttpServer(dir, basic);
  const { outcome, asked } = await attemptWith(t, server, {
    sha,
    give: (isRefused) => (isRefused ? good : withdrawn),
  });
  assert.deepEqual(outcome, { kind: 'passed' });
  assert.deepEqual(asked, [false, true]);
  assert.ok(refused(server) > 0, 'the first ones were tried');
});

test('what is refused twice breaks the checkout, and says who may not read what', needs('git'), async (t) => {
  const { dir, sha } = await privateRepo(t);
  await using server = await openGitHttpServer(dir, basic);
  const same = await attemptWith(t, server, { sha, give: () => withdrawn });
  assert.match(detailOf(same.outcome), /Authentication failed.*: there are no other credentials; .*acme\/private$/);
  assert.deepEqual(same.asked, [false, true]);
  const ofOneTry = refused(server);
  const other = await attemptWith(t, server, { sha, give: (isRefused) => `${withdrawn}${String(isRefused)}` });
  assert.match(
    detailOf(other.outcome),
    /Authentication failed.*: new credentials were refused as well; groundcrew's App or token has to be one that may read acme\/private$/,
  );
  assert.deepEqual(other.asked, [false, true]);
  assert.equal(refused(server), 3 * ofOneTry, 'the same ones are not tried again, others once');
});

test(
  'a forge that is away when it is asked for other credentials is named beside what git said',
  needs('git'),
  async (t) => {
    const { dir, sha } = await privateRepo(t);
    await using server = await openGitHttpServer(dir, basic);
    const give = (isRefused: boolean): string => {
      if (isRefused) throw new GroundcrewError('forge/unreachable', 'the forge does not answer');
      return withdrawn;
    };
    const { outcome } = await attemptWith(t, server, { sha, give });
    assert.match(
      detailOf(outcome),
      /Authentication failed.*: there are no other credentials: .*the forge does not answer$/,
    );
  },
);

test('a checkout that broke for another reason asks for no other credentials', needs('git'), async (t) => {
  const { dir } = await privateRepo(t);
  await using server = await openGitHttpServer(dir, basic);
  const { outcome, asked } = await attemptWith(t, server, { sha: 'd'.repeat(40), give: () => good });
  assert.doesNotMatch(detailOf(outcome), /credentials/);
  assert.deepEqual(asked, [false]);
});
