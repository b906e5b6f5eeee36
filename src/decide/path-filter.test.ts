import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasWantedPath, notNeeded } from './path-filter.ts';

for (const [only, not, files, isWanted] of [
  [['src/**'], [], ['src/a/b.c', 'README.md'], true],
  [['src/**'], [], ['docs/src/a.c'], false],
  [['src/'], [], ['src/a/b.c'], true],
  [['*.spec'], [], ['tools/a.spec'], false],
  [['**/*.spec'], [], ['tools/a.spec'], true],
  [[], ['docs/', '*.md'], ['docs/a/b.txt', 'README.md'], false],
  [[], ['docs/', '*.md'], ['docs/a.txt', 'src/a.c'], true],
  [['src/'], ['src/**/*.md'], ['src/a/README.md'], false],
  [['src/'], ['src/**/*.md'], ['src/a/README.md', 'src/a/b.c'], true],
  [[], [], ['x'], true],
  [['src/'], [], [], false],
] as const) {
  test(`only ${JSON.stringify(only)} not ${JSON.stringify(not)}: ${files.join(' ')} ${isWanted ? 'counts' : 'does not'}`, () => {
    assert.equal(hasWantedPath({ only, not }, files), isWanted);
  });
}

test('why a check is not needed names the filter', () => {
  assert.equal(notNeeded({ only: ['src/', 'lib/'], not: ['x'] }), 'Not needed: no changed file under src/, lib/');
  assert.equal(notNeeded({ only: [], not: ['docs/'] }), 'Not needed: changes only docs/');
});
