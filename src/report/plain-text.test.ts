import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codeSpan, quietText } from './plain-text.ts';

const hostile = fc.string({
  unit: fc.constantFrom('@', 'a', 'team', '/', '`', ' ', '\n', '<', '!--', '-->', '\u0000', '\u202e', '💥', '\ud83d'),
  maxLength: 200,
});

test('whatever strangers write, nobody is called, nothing is hidden, and it is not too long', () => {
  fc.assert(
    fc.property(hostile, fc.integer({ min: 3, max: 100 }), (text, longest) => {
      const said = quietText(text, longest);
      assert.ok(said.length <= longest);
      assert.doesNotMatch(said, /(?<![\p{L}\p{N}_])@[\p{L}\p{N}_]/u);
      assert.doesNotMatch(said, /<!--/);
      assert.doesNotMatch(said, /[\u0000\u202e]/);
      assert.ok(said.isWellFormed());
    }),
  );
});

test('what is no mention stays as it is', () => {
  for (const text of ['mail a@example.org', '/test fedora@bots#12', 'a @ b', 'two\nlines', 'x < y --> z'])
    assert.equal(quietText(text, 999), text);
  assert.equal(quietText('thanks @ada, `@org/team`', 999), 'thanks @\u200bada, `@\u200borg/team`');
});

test('code ends where we end it', () => {
  assert.equal(codeSpan('plain'), '`plain`');
  assert.equal(codeSpan('a ` b'), '``a ` b``');
  assert.equal(codeSpan('``'), '``` `` ```');
  assert.equal(codeSpan(' \n '), '`  `');
  fc.assert(
    fc.property(hostile, (text) => {
      const code = codeSpan(text);
      const [fence] = /^`+/.exec(code) ?? assert.fail();
      const inside = code.slice(fence.length, -fence.length);
      assert.ok(code.endsWith(fence) && !inside.includes('\n'));
      assert.ok(![...inside.matchAll(/`+/g)].some(([run]) => run.length === fence.length));
    }),
  );
});
