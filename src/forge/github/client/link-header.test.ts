import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linkTarget } from './link-header.ts';

test('the next page is found among the others', () => {
  // From https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
  const header =
    '<https://api.github.com/repositories/1300192/issues?page=2>; rel="prev", ' +
    '<https://api.github.com/repositories/1300192/issues?page=4>; rel="next", ' +
    '<https://api.github.com/repositories/1300192/issues?page=515>; rel="last"';
  assert.equal(linkTarget(header, 'next'), 'https://api.github.com/repositories/1300192/issues?page=4');
  assert.equal(linkTarget(header, 'last'), 'https://api.github.com/repositories/1300192/issues?page=515');
  assert.equal(linkTarget(header, 'first'), null);
  assert.equal(linkTarget(undefined, 'next'), null);
});

test('commas, quotes and several relations do not confuse it', () => {
  const header = '<a?x=1,2>; title="one, \\"two\\"; rel=next"; rel=prev, <b>; rel="last NEXT"';
  assert.equal(linkTarget(header, 'prev'), 'a?x=1,2');
  assert.equal(linkTarget(header, 'next'), 'b');
});

test('what was written is read again', () => {
  const target = fc.webUrl({ withQueryParameters: true }).filter((url) => !/[<>]/.test(url));
  const names = fc.uniqueArray(fc.constantFrom('next', 'prev', 'first', 'last'), { minLength: 1 });
  fc.assert(
    fc.property(names, fc.array(target, { minLength: 4, maxLength: 4 }), (relations, targets) => {
      const header = relations.map((relation, i) => `<${targets[i] ?? ''}>; rel="${relation}"`).join(', ');
      relations.forEach((relation, i) => {
        assert.equal(linkTarget(header, relation), targets[i]);
      });
    }),
  );
});

test('any header is read without an error, and soon', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => void linkTarget(text, 'next')));
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('<', '>', ';', ',', '"', '\\', 'rel=', ' ', 'next')),
      (parts) => void linkTarget(parts.join(''), 'next'),
    ),
  );
  const began = performance.now();
  for (const piece of ['<', '<>', '<>;', '<>; rel = ', '<>"', ';rel'])
    linkTarget(piece.repeat(16_000 / piece.length), 'next');
  assert.ok(performance.now() - began < 1000);
});
