import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pullAnswer, scriptedForge, trustsNobody } from '../../../test/support/scripted-github.ts';

const sha = 'a'.repeat(40);

test('a hundred comments of the largest size keep no pull request from being looked at', async (context) => {
  const asked: number[] = [];
  const answer = ({ body }: { readonly body: string }): { readonly body: string } => {
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
    return { body: pullAnswer(sha, { owner: 'acme', comments: Array.from({ length: count }, () => comment) }) };
  };
  const { forge } = await scriptedForge(context, answer, { ...trustsNobody, users: ['ada'] });
  const view = await forge.view('acme/demo', 'gh|acme/demo|pull/1', AbortSignal.timeout(30_000));
  assert.equal(view?.change.headSha, sha);
  assert.deepEqual(asked, [100, 10]);
});
