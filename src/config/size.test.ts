import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatSize, parseSize } from './size.ts';

test('a formatted size reads back as itself', () => {
  const powers = fc.tuple(fc.nat(1023), fc.nat(4)).map(([count, power]) => count * 1024 ** power);
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeNat(), powers), (sizeBytes) => {
      assert.equal(parseSize(formatSize(sizeBytes)), sizeBytes);
    }),
  );
});

test('any text either is a size that formats and reads back, or is refused', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{0,9}[KMGTPkmgtp]?(iB|B|b|i)?$/)), (text) => {
      const sizeBytes = parseSize(text);
      if (sizeBytes !== null) assert.equal(parseSize(formatSize(sizeBytes)), sizeBytes);
    }),
  );
});

for (const [text, sizeBytes] of [
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['64MiB', 64 * 2 ** 20],
  ['2G', 2 * 2 ** 30],
  ['2g', 2 * 2 ** 30],
  ['1kB', 1000],
  ['3GB', 3_000_000_000],
] as const) {
  test(`${text} is ${String(sizeBytes)} bytes`, () => {
    assert.equal(parseSize(text), sizeBytes);
  });
}

for (const text of ['', 'G', '1.5G', '-1', '1 G', '1Gi', '99999999P', '1G\n', '0x10']) {
  test(`${JSON.stringify(text)} is no size`, () => {
    assert.equal(parseSize(text), null);
  });
}
