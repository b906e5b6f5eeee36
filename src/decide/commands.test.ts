import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommands, type Command } from './commands.ts';

const command = (kind: Command['kind'], given: Partial<Command> = {}): Command => ({
  kind,
  contexts: [],
  sha: null,
  ...given,
});

for (const [body, commands] of [
  ['/test', [command('test')]],
  ['/TEST  fedora-44/storage, debian-*', [command('test', { contexts: ['fedora-44/storage', 'debian-*'] })]],
  ['/test `fedora-44/storage`', [command('test', { contexts: ['fedora-44/storage'] })]],
  ['/retry', [command('retry')]],
  ['/retry failed', [command('retry', { isOnlyFailed: true })]],
  ['/retry failed rhel-*', [command('retry', { isOnlyFailed: true, contexts: ['rhel-*'] })]],
  ['/cancel', [command('cancel')]],
  ['/cancel debian', [command('cancel', { contexts: ['debian'] })]],
  ['/ok-to-test', [command('approve')]],
  ['/ok-to-test ABCDEF0', [command('approve', { sha: 'abcdef0' })]],
  ['/help me please', [command('help')]],
  ['/skip fedora-44 the mirror\tis down', [command('skip', { contexts: ['fedora-44'], text: 'the mirror is down' })]],
  ['Thanks!\r\n\r\n  /test\r\n/cancel x\r\n', [command('test'), command('cancel', { contexts: ['x'] })]],
  ['> please test this\n/test', [command('test')]],
  ['<!-- a template -->\n/test', [command('test')]],
  ['<!--\n/cancel\n-->\n\n/test', [command('test')]],
  ['a `tick and\n/test', [command('test')]],
  // Others' words, paths and prose.
  ['/retest', []],
  ['/lgtm\n/approve\n/hold', []],
  ['/etc/passwd', []],
  ['/test/run is missing', []],
  ['/rebase', []],
  ['please /test this', []],
  ['test', []],
  ['/', []],
  ['', []],
  // Quotations, code, comments.
  ['> /test', []],
  ['>/test', []],
  ['   > /test', []],
  ['    /test', []],
  ['\t/test', []],
  ['`/test`', []],
  ['`a span\n/test over lines`', []],
  ['``a ` span\n/test``', []],
  ['```\n/test\n```', []],
  ['```sh\n/test', []],
  ['~~~~\n/test\n~~~\n/cancel\n~~~~\n/retry', [command('retry')]],
  ['```\n/test\n``` not the end\n/cancel\n```', []],
  ['<!-- /test -->', []],
  ['<!--\n\n/test\n\n-->', []],
  ['text <!-- open\n/test', []],
  ['<!-- one --> <!--\n/test\n-->', []],
  ['<pre>\n/test\n</pre>', []],
] as const) {
  test(`${JSON.stringify(body)} holds ${commands.map(({ kind }) => kind).join(', ') || 'no command'}`, () => {
    assert.deepEqual(parseCommands(body), commands);
  });
}

for (const [body, said] of [
  ['/tset', 'There is no `/tset`. Did you mean `/test [CONTEXT…]`?'],
  ['/cancle fedora', 'There is no `/cancle`. Did you mean `/cancel [CONTEXT…]`?'],
  ['/oktotest', 'There is no `/oktotest`. Did you mean `/ok-to-test [COMMIT]`?'],
  ['/skip', '`/skip CONTEXT REASON` needs a context and a reason. Nothing was skipped.'],
  ['/skip fedora-44', '`/skip CONTEXT REASON` needs a context and a reason. Nothing was skipped.'],
  [
    '/ok-to-test please',
    '`/ok-to-test [COMMIT]` takes at most one commit, by at least the first 7 digits of its name. Nothing was approved.',
  ],
  [`/test ${'x '.repeat(101)}`, '`/test` takes at most 100 contexts.'],
  [`/cancel ${'a* '.repeat(11)}`, '`/cancel` takes at most 10 patterns.'],
  [`/test ${'x'.repeat(201)}`, '`/test`: no context is longer than 200 characters.'],
] as const) {
  test(`${JSON.stringify(body.slice(0, 20))} is a mistake that says how it is done`, () => {
    assert.deepEqual(parseCommands(body), [command('mistake', { text: said })]);
  });
}

test('beyond ten commands a comment is only told so', () => {
  const found = parseCommands('/test\n'.repeat(50));
  assert.equal(found.length, 11);
  assert.equal(found.at(-1)?.kind, 'mistake');
});

test('what stands behind 64 KiB is not read', () => {
  assert.deepEqual(parseCommands(`${'x'.repeat(64 * 1024)}\n/test`), []);
});

test('a long reason is cut', () => {
  const [skip] = parseCommands(`/skip a ${'why '.repeat(500)}`);
  assert.equal(skip?.text?.length, 200);
});

const markdown = fc
  .array(
    fc.constantFrom(
      '/test',
      '/skip a b',
      '/tset',
      '> ',
      '```',
      '~~~',
      '`',
      '``',
      '<!--',
      '-->',
      '<pre>',
      '</pre>',
      '\n',
      '\r\n',
      '    ',
      ' ',
      'x',
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

test('never throws, and finds a bounded number of bounded commands', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), markdown), (body) => {
      const found = parseCommands(body);
      assert.ok(found.length <= 11);
      for (const { contexts, text } of found) assert.ok(contexts.length <= 100 && (text?.length ?? 0) <= 300);
    }),
    { numRuns: 2_000 },
  );
});

test('quoted text never holds a command', () => {
  fc.assert(
    fc.property(markdown, (body) => {
      const quoted = body.split(/\r\n?|\n/).map((line) => `> ${line}`);
      assert.deepEqual(parseCommands(quoted.join('\n')), []);
    }),
  );
});

test('text in a fence that it cannot close never holds a command', () => {
  fc.assert(
    fc.property(markdown, (body) => {
      const ticks = '`'.repeat(60);
      assert.deepEqual(parseCommands(`${ticks}\n${body}\n${ticks}`), []);
    }),
  );
});

test('text in an HTML comment that it cannot close never holds a command', () => {
  fc.assert(
    fc.property(markdown, (body) => {
      assert.deepEqual(parseCommands(`<!--\n${body.replaceAll('-->', '')}\n-->`), []);
    }),
  );
});

test('a comment made to be slow is read in time', () => {
  const size = 64 * 1024;
  const hostile = [
    '`',
    '`\n',
    '<!--',
    '<!--\n',
    '-->',
    '> ',
    '```\n',
    '~~~\n\n',
    '/test `',
    '/skip a ',
    '\n',
    ' ',
    '` ``\n',
    '<pre>\n',
    '/a',
  ];
  for (const piece of hostile) {
    const startedAt = performance.now();
    parseCommands(piece.repeat(Math.ceil(size / piece.length)));
    assert.ok(performance.now() - startedAt < 500, JSON.stringify(piece));
  }
  // Runs of every length: each looks for its partner.
  const runs = Array.from({ length: 350 }, (_, length) => '`'.repeat(length + 1)).join(' ');
  const startedAt = performance.now();
  parseCommands(runs);
  assert.ok(performance.now() - startedAt < 500);
});
