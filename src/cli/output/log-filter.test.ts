import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLogFilter } from './log-filter.ts';

function filtered(chunks: readonly Uint8Array[]): string {
  const filter = createLogFilter();
  return chunks.map((chunk) => filter.push(chunk)).join('') + filter.end();
}
const bytes = (text: string): Buffer => Buffer.from(text);

for (const [what, given, shown] of [
  [
    'keeps colours and switches them off at the end',
    '\u001b[1;31mred\u001b[0m x',
    '\u001b[1;31mred\u001b[0m x\u001b[0m',
  ],
  ['keeps tabs, line breaks and letters of all kinds', 'a\tb\nü漢🚀\n', 'a\tb\nü漢🚀\n'],
  ['drops cursor movement and erasing', 'a\u001b[2Jb\u001b[10;10Hc\u001b[?25ld', 'abcd'],
  [
    'drops titles, links and clipboard writes',
    'a\u001b]0;title\u0007b\u001b]52;c;eA==\u001b\\c\u001b]8;;http://x\u001b\\d',
    'abcd',
  ],
  ['drops device control strings and what they carry', 'a\u001bPq#0;2;0;0;0\u001b\\b', 'ab'],
  ['drops charset shifts and single escapes', 'a\u001b(0b\u001bcc\u001b7d', 'abcd'],
  ['turns a lone carriage return into a line break', '10%\r20%\r\ndone\r', '10%\n20%\ndone\n'],
  ['shows other control characters as marks', 'a\u0008b\u009bc\u0000', 'a\ufffdb\ufffdc\ufffd'],
  ['does not swallow the rest of the log after a title that never ends', 'a\u001b]0;x\nnext', 'a\nnext'],
  ['survives an escape at the very end', 'a\u001b', 'a'],
] as const) {
  test(what, () => {
    assert.equal(filtered([bytes(given)]), shown);
  });
}

test('the same bytes give the same text however they are cut', () => {
  const piece = fc.constantFrom(
    'a',
    '\u001b[31m',
    '\u001b[2J',
    '\u001b]0;t\u0007',
    '\u001b',
    '[',
    'ü',
    '🚀',
    '\r',
    '\n',
    'm',
    ';1',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(80), { maxLength: 8 }), (pieces, cuts) => {
      const whole = bytes(pieces.join(''));
      const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
      const chunks = at.slice(1).map((end, index) => whole.subarray(at[index], end));
      assert.equal(filtered(chunks), filtered([whole]));
    }),
  );
});

test('nothing but colours, tabs and line breaks steers after the filter, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const left = filtered(chunks).replace(/\u001b\[[0-9;:]*m/g, '');
      assert.doesNotMatch(left, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
  );
});

test('an unfinished sequence of a megabyte is not kept', () => {
  const filter = createLogFilter();
  let shown = filter.push(bytes('\u001b]0;'));
  for (let count = 0; count < 1024; count += 1) shown += filter.push(bytes('x'.repeat(1024)));
  assert.ok(shown.length > 1_000_000);
});
