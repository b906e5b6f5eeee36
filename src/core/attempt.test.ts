import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashOf } from '../base/ids.ts';
import { attemptId, parseAttemptId } from './attempt.ts';
import type { JobId } from './job.ts';

const number = fc.integer({ min: 1, max: 999_999_999 });
const key = fc.record({ jobId: fc.string().map((text) => hashOf([text]) as JobId), generation: number, n: number });

test('an attempt’s name is read back as the attempt, and fits a file name', () => {
  fc.assert(
    fc.property(key, (given) => {
      assert.deepEqual(parseAttemptId(attemptId(given)), { ...given });
      assert.match(attemptId(given), /^[0-9a-f.]{36,52}$/);
    }),
  );
});

test('what is no attempt’s name is refused', () => {
  const id = hashOf(['x']);
  for (const text of [
    '',
    id,
    `${id}.1`,
    `${id}.0.1`,
    `${id}.1.0`,
    `${id}.01.1`,
    `${id}.1.1.1`,
    `${id}.1.1\n`,
    `${id.toUpperCase()}.1.1`,
    `../${id}.1.1`,
  ]) {
    assert.equal(parseAttemptId(text), null, text);
  }
});
