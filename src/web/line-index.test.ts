import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineIndex } from './line-index.ts';

/** A log of lines of these lengths, and an index that got it in chunks of that size. */
function indexed(lengths: readonly number[], chunkBytes: number): { readonly text: Buffer; readonly index: LineIndex } {
  const text = Buffer.from(lengths.map((length) => 'x'.repeat(length)).join('\n'));
  const index = new LineIndex();
  for (let at = 0; at < text.length; at += chunkBytes) index.add(text.subarray(at, at + chunkBytes));
  return { text, index };
}

function newlinesBefore(text: Buffer, byte: number): number {
  return text.subarray(0, byte).filter((code) => code === 10).length;
}

const length = fc.oneof(fc.nat(80), fc.nat(2000), fc.integer({ min: 60_000, max: 700_000 }));

test('blocks cover the log without gap or overlap, bounded, and know their line, however the bytes came', () => {
  fc.assert(
    fc.property(fc.array(length, { maxLength: 12 }), fc.integer({ min: 1000, max: 900_000 }), (lengths, chunkBytes) => {
      const { text, index } = indexed(lengths, chunkBytes);
      assert.equal(index.bytes, text.length);
      let at = 0;
      while (at < text.length) {
        const block = index.blockAt(at);
        assert.equal(block.startByte, at);
        assert.ok(block.endByte > at && block.endByte - at <= 256 * 1024, `${block.endByte - at} bytes`);
        assert.equal(block.firstLine, newlinesBefore(text, at) + 1);
        assert.equal(block.isMidLine, at > 0 && text[at - 1] !== 10);
        at = block.endByte;
      }
    }),
    { numRuns: 60 },
  );
});

test('every line is found in the block in which it begins', () => {
  fc.assert(
    fc.property(
      fc.array(length, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1000, max: 900_000 }),
      (lengths, chunkBytes) => {
        const { text, index } = indexed(lengths, chunkBytes);
        let byte = 0;
        lengths.forEach((own, at) => {
          const begins = Math.min(byte, Math.max(0, text.length - 1));
          const block = index.blockOfLine(at + 1);
          // An empty last line begins behind the last byte: its block is the last one.
          if (byte < text.length) assert.ok(block.startByte <= begins && begins < block.endByte, `line ${at + 1}`);
          byte += own + 1;
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('a log of nothing but newlines is cut by lines, and an empty one is one empty block', () => {
  const index = new LineIndex();
  assert.deepEqual(index.blockAt(0), { startByte: 0, endByte: 0, firstLine: 1, isMidLine: false });
  assert.equal(index.lines, 0);
  index.add(Buffer.alloc(5000, '\n'));
  assert.equal(index.lines, 5000);
  assert.deepEqual(index.blockOfLine(1001), { startByte: 1000, endByte: 2000, firstLine: 1001, isMidLine: false });
});
