import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createForgeLinks } from './forge-links.ts';

const linksOf = createForgeLinks([{ name: 'github', webUrl: 'https://github.com' }]);
const run = { forge: 'github', repo: 'o/r', pull: 7, branch: null, sha: 'abc' };

test('a pull request, a branch and a commit lead to their pages', () => {
  assert.deepEqual(linksOf(run), {
    change: 'https://github.com/o/r/pull/7',
    commit: 'https://github.com/o/r/commit/abc',
  });
  assert.equal(
    linksOf({ ...run, pull: null, branch: 'release/1#?%' })?.change,
    'https://github.com/o/r/tree/release/1%23%3F%25',
  );
});

test('what no forge shows leads nowhere', () => {
  assert.equal(linksOf({ ...run, forge: 'git' }), null);
  assert.equal(linksOf({ ...run, pull: null })?.change, null);
});
