import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScriptedHttp } from '../../../test/support/scripted-http.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { createGitHubForge } from './github-forge.ts';

const sha = 'a'.repeat(40);

test('a hundred comments of the largest size keep no pull request from being looked at', async (context) => {
  const asked: number[] = [];
  const { url } = await openScriptedHttp(context, ({ body }) => {
    const count = Number(/comments\(last: (\d+)\)/.exec(body)?.[1]);
    asked.push(count);
    const comment = {
      fullDatabaseId: '1',
      body: '\u{1f600}'.repeat(65_536),
      createdAt: '2026-11-22T10:00:00Z',
      lastEditedAt: null,
      author: { __typename: 'User', login: 'mallory' },
      editor: null,
      reactionGroups: [],
    };
    const pull = {
      state: 'OPEN',
      isDraft: false,
      title: 'x',
      updatedAt: '2026-11-22T10:00:00Z',
      headRefOid: sha,
      baseRefName: 'main',
      isCrossRepository: false,
      author: { __typename: 'User', login: 'ada' },
      headRepositoryOwner: { __typename: 'User', login: 'acme' },
      labels: null,
      comments: { nodes: Array.from({ length: count }, () => comment) },
      commits: { nodes: [{ commit: { oid: sha, status: null } }] },
    };
    return { body: JSON.stringify({ data: { viewer: { login: 'crew-bot' }, repository: { p0: pull } } }) };
  });
  const forge = createGitHubForge({
    name: 'gh',
    apiUrl: url,
    webUrl: url,
    repos: () => [
      {
        name: 'acme/demo',
        branches: [],
        trust: { users: ['ada'], organisations: [], teams: [], permission: 'none' },
      },
    ],
    auth: { kind: 'token', token: () => 'ghp_secret' },
    statuses: { kind: 'post' },
    cacheFile: join(await tempDir(context), 'cache'),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  context.after(() => forge.close());
  const view = await forge.view('acme/demo', 'gh|acme/demo|pull/1', AbortSignal.timeout(30_000));
  assert.equal(view?.change.headSha, sha);
  assert.deepEqual(asked, [100, 10]);
});
