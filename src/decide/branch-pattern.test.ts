import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBranchFilter } from './branch-pattern.ts';

for (const [patterns, branch, isWanted] of [
  [[], 'a/b', true],
  [['**'], 'feature/x', true],
  [['*'], 'feature/x', false],
  [['*'], 'main', true],
  [['main'], 'maint', false],
  [['stable-*'], 'stable-3', true],
  [['**', '!wip/**'], 'wip/a/b', false],
  [['**', '!wip/**', 'wip/keep'], 'wip/keep', true],
  [['!wip/**'], 'main', true],
  [['a.c'], 'abc', false],
  [['v?.?'], 'v1.2', true],
] as const) {
  test(`${JSON.stringify(patterns)} ${isWanted ? 'wants' : 'does not want'} ${JSON.stringify(branch)}`, () => {
    assert.equal(createBranchFilter(patterns)(branch), isWanted);
  });
}

test('agrees with a regular expression on any pattern', () => {
  const letters = fc.stringMatching(/^[ab/*]{0,8}$/);
  fc.assert(
    fc.property(letters, fc.stringMatching(/^[ab/]{0,10}$/), (pattern, branch) => {
      const regexp = new RegExp(`^${pattern.replace(/\*\*|\*/g, (stars) => (stars === '**' ? '.*' : '[^/]*'))}$`);
      assert.equal(createBranchFilter([pattern])(branch), regexp.test(branch));
    }),
  );
});

test('a pattern of many stars over a long branch name takes little time', () => {
  const startedAt = performance.now();
  assert.equal(createBranchFilter([`${'*a'.repeat(50)}b`])('a'.repeat(500)), false);
  assert.ok(performance.now() - startedAt < 2000);
});
