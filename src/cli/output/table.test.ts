import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { printTable, type Column } from './table.ts';
import { createTerminal } from './terminal.ts';
import { textWidth, truncate, wrap } from './text-width.ts';

interface Row {
  readonly name: string;
  readonly size: string;
}
const columns: readonly Column<Row>[] = [
  { head: 'NAME', cell: (row) => row.name, isFlexible: true },
  { head: 'SIZE', cell: (row) => row.size, align: 'right' },
];

async function printed(rows: readonly Row[], terminalColumns: number | null, shown = columns): Promise<string[]> {
  const stream = Object.assign(
    new PassThrough(),
    terminalColumns === null ? {} : { isTTY: true as const, columns: terminalColumns },
  );
  await printTable(createTerminal(stream, { NO_COLOR: '1', LANG: 'C.UTF-8' }), shown, rows);
  stream.end();
  return String(stream.read()).trimEnd().split('\n');
}

test('columns are as wide as their widest cell, numbers to the right', async () => {
  assert.deepEqual(
    await printed(
      [
        { name: 'a', size: '1' },
        { name: 'long name', size: '100' },
      ],
      null,
    ),
    ['NAME       SIZE', 'a             1', 'long name   100'],
  );
});

test('wide letters count as two columns', async () => {
  assert.deepEqual(
    await printed(
      [
        { name: '漢字', size: '1' },
        { name: 'abcde', size: '2' },
      ],
      null,
    ),
    ['NAME   SIZE', '漢字      1', 'abcde     2'],
  );
});

test('on a terminal a long cell is cut to fit; in a pipe nothing is', async () => {
  const rows = [{ name: 'x'.repeat(10_000), size: '7' }];
  const [, line] = await printed(rows, 40);
  assert.equal(line, `${'x'.repeat(33)}…     7`);
  assert.ok((await printed(rows, null))[1]?.includes('x'.repeat(10_000)));
});

test('a sentence that does not fit goes on in the next line, and nothing of it is lost', async () => {
  const sentence: Column<Row> = { head: 'WHY', cell: (row) => row.size, isWrapped: true };
  const shown = [...columns.slice(0, 1), sentence];
  const rows = [
    { name: 'one', size: 'the author is not trusted, and nobody has approved this commit' },
    { name: 'two', size: 'short' },
  ];
  assert.deepEqual(await printed(rows, 30, shown), [
    'NAME  WHY',
    'one   the author is not',
    '      trusted, and nobody has',
    '      approved this commit',
    'two   short',
  ]);
  assert.equal((await printed(rows, null, shown))[1], `one   ${rows[0]?.size ?? ''}`);
});

test('wrapped text keeps every letter, and no line is wider than asked for', () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '漢', 'é'), maxLength: 12 }));
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 20 }), (words, width) => {
      const lines = wrap(words.join(' '), width);
      assert.equal(lines.join('').replaceAll(' ', ''), words.join(''));
      assert.ok(lines.every((line) => textWidth(line) <= width));
    }),
  );
});

test('a row stays one line whatever its text', async () => {
  assert.equal((await printed([{ name: 'a\nb\u001b[2J\r', size: '\u009b' }], 80)).length, 2);
});

test('text is never cut to more columns than asked for, and not cut when it fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
      const cut = truncate(text, width);
      assert.ok(textWidth(cut) <= width);
      if (textWidth(text) <= width) assert.equal(cut, text);
    }),
  );
});
