import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnsiReader, plainStyle, type AnsiLine, type AnsiStyle } from './ansi.ts';

function show(text: string): AnsiLine[] {
  const reader = new AnsiReader();
  const lines = reader.write(text);
  return reader.isAtLineStart() ? lines : [...lines, reader.pending()];
}

function plain(text: string): string[] {
  return show(text).map(({ spans }) => spans.map((span) => span.text).join(''));
}

function styled(text: string): [string, Partial<AnsiStyle>][] {
  return show(text).flatMap(({ spans }) =>
    spans.map(({ text: shown, style }): [string, Partial<AnsiStyle>] => {
      const changed = Object.entries(style).filter(([key, value]) => value !== plainStyle[key as keyof AnsiStyle]);
      return [shown, Object.fromEntries(changed)];
    }),
  );
}

test('colours and attributes of SGR become styles', () => {
  assert.deepEqual(styled('a\u001b[1;31mb\u001b[0mc'), [
    ['a', {}],
    ['b', { isBold: true, foreground: 1 }],
    ['c', {}],
  ]);
  assert.deepEqual(styled('\u001b[38;5;208mx'), [['x', { foreground: 208 }]]);
  assert.deepEqual(styled('\u001b[48;2;1;2;255mx'), [['x', { background: '#0102ff' }]]);
  assert.deepEqual(styled('\u001b[38:2::1:2:3mx'), [['x', { foreground: '#010203' }]]);
  assert.deepEqual(styled('\u001b[38:2:1:2:3mx'), [['x', { foreground: '#010203' }]]);
  assert.deepEqual(styled('\u001b[38:5:9;4:3mx'), [['x', { foreground: 9, isUnderlined: true }]]);
  assert.deepEqual(styled('\u001b[97;100;3;7;9mx'), [
    ['x', { foreground: 15, background: 8, isItalic: true, isInverse: true, isStruck: true }],
  ]);
  assert.deepEqual(styled('\u001b[1;2;3;4;7;8;9m\u001b[22;23;24;27;28;29mx'), [['x', {}]]);
  assert.deepEqual(styled('\u001b[31m\u001b[mx'), [['x', {}]]);
  assert.deepEqual(
    styled('\u001b[38;2;999;0;0mx\u001b[38;5;256my'),
    [
      ['x', {}],
      ['y', {}],
    ].slice(0, 2),
  );
});

test('the style goes on over lines and chunks', () => {
  const reader = new AnsiReader();
  assert.deepEqual(reader.write('\u001b[3'), []);
  assert.deepEqual(
    reader.write('2mok\n').map(({ spans }) => spans[0]?.style.foreground),
    [2],
  );
  reader.write('still');
  assert.equal(reader.pending().spans[0]?.style.foreground, 2);
});

test('a carriage return writes over the line, as progress bars do', () => {
  assert.deepEqual(plain('10 %\r20 %\r100 %\n'), ['100 %']);
  assert.deepEqual(plain('downloading\rdone\u001b[K\n'), ['done']);
  assert.deepEqual(plain('abc\u001b[2K\rx\n'), ['x']);
  assert.deepEqual(plain('abc\b\bX\n'), ['aXc']);
  assert.deepEqual(plain('abc\u001b[1K\n'), ['   ']);
  assert.deepEqual(plain('windows\r\n'), ['windows']);
});

test('links of OSC 8 are kept for the web only', () => {
  const link = (address: string): string => `\u001b]8;;${address}\u001b\\here\u001b]8;;\u001b\\ there`;
  assert.deepEqual(styled(link('https://example.org/a?b=c')), [
    ['here', { link: 'https://example.org/a?b=c' }],
    [' there', {}],
  ]);
  for (const address of [
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://x y',
    ' https://x',
    'data:text/html,x',
  ]) {
    assert.deepEqual(plain(link(address)), ['here there']);
    assert.ok(show(link(address)).every(({ spans }) => spans.every(({ style }) => style.link === null)));
  }
  assert.deepEqual(
    styled('\u001b]8;id=1;http://a\u0007x\u001b[0my'),
    [
      ['x', { link: 'http://a' }],
      ['y', { link: 'http://a' }],
    ].slice(0, 2),
  );
});

test('other sequences are dropped, and an unfinished one ends with its line', () => {
  assert.deepEqual(plain('a\u001b]0;title\u0007b'), ['ab']);
  assert.deepEqual(plain('a\u001b[2J\u001b[10;10H\u001b[?25lb'), ['ab']);
  assert.deepEqual(plain('a\u001bPq#0;2;0;0;0\u001b\\b\u001b(Bc\u001b=d'), ['abcd']);
  assert.deepEqual(plain('a\u001b]0;never ends\nnext\n'), ['a', 'next']);
  assert.deepEqual(plain('a\u001b[\nnext'), ['a', 'next']);
  assert.deepEqual(plain(`a\u001b]${'x'.repeat(5000)}`), [`a${'x'.repeat(5000 - 4096 - 1)}`]);
  assert.deepEqual(plain('a\u009b31mb\u0085c'), ['abc']);
});

test('characters that reorder text are dropped', () => {
  assert.deepEqual(plain('user\u202e\u2066 // admin\u2069'), ['user // admin']);
});

test('a line without end is cut into several', () => {
  const lines = show('x'.repeat(25_000));
  assert.deepEqual(
    lines.map(({ isCut, spans }) => [isCut, spans[0]?.text.length]),
    [
      [true, 10_000],
      [true, 10_000],
      [false, 5000],
    ],
  );
});

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b',
        '\u001b[',
        '\u001b]8;;http://a/',
        '\u001b\\',
        '\u0007',
        '\r',
        '\n',
        '\b',
        '38;2;1',
        'm',
        'K',
        '\u009b',
        '<b>',
        ';',
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

test('no control character comes out, whatever goes in', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const { spans } of show(text)) {
        for (const span of spans) {
          assert.doesNotMatch(span.text, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
          assert.match(span.style.link ?? 'https://x', /^https?:\/\/[!-~]+$/i);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('where the chunks are cut makes no difference', () => {
  fc.assert(
    fc.property(hostile, fc.array(fc.nat(60), { maxLength: 6 }), (text, cuts) => {
      const chars = Array.from(text);
      const reader = new AnsiReader();
      const lines: AnsiLine[] = [];
      let at = 0;
      for (const cut of [...cuts, chars.length]) {
        lines.push(...reader.write(chars.slice(at, at + cut).join('')));
        at += cut;
      }
      lines.push(...reader.write(chars.slice(at).join('')));
      const pending = reader.isAtLineStart() ? [] : [reader.pending()];
      assert.deepEqual([...lines, ...pending], show(text));
    }),
    { numRuns: 500 },
  );
});

test('plain text comes out as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme-ascii' })), (lines) => {
      assert.deepEqual(plain(lines.map((line) => `${line}\n`).join('')), lines);
    }),
  );
});
