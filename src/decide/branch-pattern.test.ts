import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesBranch } from './branch-pattern.ts';

for (const [patterns, branch, isWanted] of [
  [['*'], 'feature/x', true],
  [['*'], '', true],
  [[], 'main', false],
  [['main'], 'main', true],
  [['main'], 'maint', false],
  [['stable-*'], 'stable-3', true],
  [['*-stable'], 'a-stable-stable', true],
  [['a*b*c'], 'aXbYc', true],
  [['a*b*c'], 'acb', false],
  [['*', '!wip/*'], 'wip/x', false],
  [['*', '!wip/*', 'wip/keep'], 'wip/keep', true],
  [['a.c'], 'abc', false],
] as const) {
  test(`${JSON.stringify(patterns)} ${isWanted ? 'wants' : 'does not want'} ${JSON.stringify(branch)}`, () => {
    assert.equal(matchesBranch(patterns, branch), isWanted);
  });
}

test('agrees with a regular expression on any pattern', () => {
  const letters = fc.stringMatching(/^[ab/*]{0,8}$/);
  fc.assert(
    fc.property(letters, fc.stringMatching(/^[ab/]{0,10}$/), (pattern, branch) => {
      const regexp = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      assert.equal(matchesBranch([pattern], branch), regexp.test(branch));
    }),
  );
});

test('a pattern of many stars over a long branch name takes no time', () => {
  const startedAt = performance.now();
  assert.equal(matchesBranch([`${'*a'.repeat(50)}b`], 'a'.repeat(10_000)), false);
  assert.ok(performance.now() - startedAt < 1000);
});
