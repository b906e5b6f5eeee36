import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainJson, plainText } from './plain-text.ts';

const steering = /[\u0000-\u001f\u007f-\u009f\u200e\u202a-\u202e\u2066-\u2069]/;

test('a branch name with escape sequences, line breaks and marks that turn text around becomes harmless', () => {
  assert.equal(plainText('a\u001b[2Jb\nc\u202ed\u009be'), 'a\ufffd[2Jb\ufffdc\ufffdd\ufffde');
  assert.equal(plainText('grün 漢字 🚀'), 'grün 漢字 🚀');
});

test('no text at all gets anything steering through', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(plainText(text), steering);
    }),
  );
});

test('JSON is harmless too, and reads back as the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = plainJson(value);
      assert.doesNotMatch(text.replaceAll('\n', ''), steering);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
});
