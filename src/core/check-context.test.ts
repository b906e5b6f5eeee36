import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatContext, parseContext, type CheckContext } from './check-context.ts';

const cases: readonly (readonly [text: string, context: CheckContext])[] = [
  ['fedora-44', { image: 'fedora-44', scenario: null, botsPull: null, foreign: null }],
  ['fedora-44/firefox', { image: 'fedora-44', scenario: 'firefox', botsPull: null, foreign: null }],
  ['fedora-44/storage/extra', { image: 'fedora-44', scenario: 'storage/extra', botsPull: null, foreign: null }],
  ['rhel-10@bots#1234', { image: 'rhel-10', scenario: null, botsPull: 1234, foreign: null }],
  [
    'arch@cockpit-project/cockpit-podman',
    {
      image: 'arch',
      scenario: null,
      botsPull: null,
      foreign: { forge: null, repo: 'cockpit-project/cockpit-podman', ref: null },
    },
  ],
  [
    'arch/x@bots#7@gitlab:a/b/feature/y',
    { image: 'arch', scenario: 'x', botsPull: 7, foreign: { forge: 'gitlab', repo: 'a/b', ref: 'feature/y' } },
  ],
];

for (const [text, context] of cases) {
  test(`${text} is read and written`, () => {
    assert.deepEqual(parseContext(text), context);
    assert.equal(formatContext(context), text);
  });
}

test('what is no context is refused', () => {
  for (const text of [
    '',
    '/x',
    'a/',
    '@a/b',
    'a@',
    'a@b',
    'a@bots#',
    'a@bots#0',
    'a@bots#x',
    'a@b/c@d/e',
    'a@bots#1@',
    'a@:b/c',
    'a@f:b',
  ]) {
    assert.equal(parseContext(text), null, text);
  }
});

test('reading is the inverse of writing', () => {
  const part = fc.stringMatching(/^[^/@:\s]{1,12}$/).filter((text) => !text.startsWith('bots#'));
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const context = fc.record({
    image: part,
    scenario: fc.option(path),
    botsPull: fc.option(fc.integer({ min: 1, max: 999_999_999 })),
    foreign: fc.option(
      fc.record({
        forge: fc.option(part),
        repo: fc.tuple(part, part).map(([owner, name]) => `${owner}/${name}`),
        ref: fc.option(path),
      }),
    ),
  });
  fc.assert(
    fc.property(context, (given) => assert.deepEqual(parseContext(formatContext(given)), structuredClone(given))),
  );
});

test('whatever is read is written back as it was', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'B', '-', '/', '@', ':', '#', '1', 'bots#', '\n', 'é'),
    maxLength: 20,
  });
  fc.assert(
    fc.property(text, (given) => {
      const context = parseContext(given);
      if (context !== null) assert.equal(formatContext(context), given);
    }),
    { numRuns: 2_000 },
  );
});
