import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashOf } from '../base/ids.ts';
import { formatRunPath, formatSkipPath, isSkipLink, parseRunLink } from './run-link.ts';

const id = fc.string().map((text) => hashOf([text]));
const link = fc
  .record({
    jobId: id,
    generation: fc.integer({ min: 1, max: 999_999_999 }),
    other: fc.option(id),
    isCanceled: fc.boolean(),
  })
  .map(({ jobId, generation, other, isCanceled }) => ({ jobId, generation, changeJobId: other ?? jobId, isCanceled }));

test('a link says what was put into it, below whatever address', () => {
  fc.assert(
    fc.property(link, fc.constantFrom('', 'https://ci.example.org', 'http://127.0.0.1:8080/a/b'), (given, server) => {
      assert.deepEqual(parseRunLink(server + formatRunPath(given)), given);
    }),
  );
});

test('a link that is none of ours says nothing', () => {
  const job = hashOf(['job']);
  for (const url of [
    '',
    '/',
    `/runs/${job}`,
    `/runs/${job}?g=0`,
    `/runs/${job}?g=1&x=0`,
    `/runs/${job}?g=1&c=12`,
    `/runs/${job}?g=1#x`,
    `/runs/${job}?g=1\n`,
  ]) {
    assert.equal(parseRunLink(url), null, url);
  }
});

test('a person’s skip is known by its link, the policy’s is decided anew', () => {
  assert.equal(isSkipLink(`https://ci.example.org${formatSkipPath({ isByPolicy: false })}`), true);
  assert.equal(isSkipLink(`https://ci.example.org${formatSkipPath({ isByPolicy: true })}`), false);
  assert.equal(isSkipLink('https://ci.example.org/runs/00000000000000000000000000000000?g=1'), false);
  assert.equal(parseRunLink(`https://ci.example.org${formatSkipPath({ isByPolicy: false })}`), null);
});
