import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.ts';

test('a formatted duration reads back as itself', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (durationMs) => {
      assert.equal(parseDuration(formatDuration(durationMs)), durationMs);
    }),
  );
});

test('any text either is a duration that formats and reads back, or is refused', () => {
  const almost = fc.stringMatching(/^(\d{0,4}(d|h|m|s|ms|M| |-)?){0,4}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), almost), (text) => {
      const durationMs = parseDuration(text);
      if (durationMs !== null) assert.equal(parseDuration(formatDuration(durationMs)), durationMs);
    }),
  );
});

for (const [text, durationMs] of [
  ['90s', 90_000],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['7d', 604_800_000],
  ['0s', 0],
] as const) {
  test(`${text} is ${String(durationMs)} ms`, () => {
    assert.equal(parseDuration(text), durationMs);
  });
}

for (const text of ['', '90', '2 h', '1.5h', '-1s', '30m1h', 'h', '1H', '99999999999999d', '1s\n']) {
  test(`${JSON.stringify(text)} is no duration`, () => {
    assert.equal(parseDuration(text), null);
  });
}
