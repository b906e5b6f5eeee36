import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRedactor } from './redact.ts';
import { secretPatterns } from './secret-patterns.ts';

function redacted(text: string | Uint8Array, ...secrets: readonly (string | Uint8Array)[]): string {
  const redactor = createRedactor(secrets.map((secret) => Buffer.from(secret as string)));
  return Buffer.concat([...redactor.push(Buffer.from(text as string)), ...redactor.end()]).toString('latin1');
}

/** The definition, as slow as it gets: mark every byte of every occurrence, then write. */
function oracle(text: Buffer, patterns: readonly Uint8Array[]): Buffer {
  const isCovered = new Array<boolean>(text.length).fill(false);
  for (const pattern of patterns) {
    for (let at = 0; at + pattern.length <= text.length; at++) {
      if (text.subarray(at, at + pattern.length).equals(pattern)) isCovered.fill(true, at, at + pattern.length);
    }
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at < text.length; at++) {
    if (isCovered[at] !== true) parts.push(text.subarray(at, at + 1));
    else if (isCovered[at - 1] !== true) parts.push(Buffer.from('***'));
  }
  return Buffer.concat(parts);
}

test('a secret is replaced wherever it stands, however often', () => {
  assert.equal(redacted('hunter22 is hunter22, nothunter22x', 'hunter22'), '*** is ***, not***x');
  assert.equal(redacted('hunter22hunter22', 'hunter22'), '***');
  assert.equal(redacted('hunter2 hunter', 'hunter22'), 'hunter2 hunter');
  assert.equal(redacted('ababab', 'abab'), '***');
});

test('without secrets, and with those too short to tell, all passes', () => {
  assert.equal(redacted('abc', 'abc'), 'abc');
  assert.equal(redacted('anything'), 'anything');
  assert.equal(redacted('anything', ''), 'anything');
});

test('the usual written forms of a secret are found', () => {
  const secret = 'pa$$ w"ör/d?!';
  const bytes = Buffer.from(secret);
  for (const before of ['', 'a', 'ab', 'user:', 'x-access-token:']) {
    for (const after of ['', '1', '@host']) {
      const encoded = Buffer.from(`${before}${secret}${after}`).toString('base64');
      const left = redacted(encoded, secret).replace('***', '');
      assert.ok(redacted(encoded, secret).includes('***'), encoded);
      assert.ok(left.length <= encoded.length - Math.floor((bytes.length * 8) / 6) + 2, left);
    }
  }
  assert.equal(redacted(bytes.toString('base64url'), secret).startsWith('***'), true);
  assert.equal(redacted(encodeURIComponent(secret), secret), '***');
  assert.equal(redacted(encodeURIComponent(secret).toLowerCase(), secret), '***');
  assert.equal(redacted(String(new URLSearchParams({ q: secret })), secret), 'q=***');
  assert.equal(redacted(JSON.stringify({ secret }), secret), '{"secret":"***"}');
  assert.equal(redacted('"pa$$ w\\"\\u00f6r\\/d?!"', secret).includes('u00f6'), true);
  assert.equal(redacted('"pa$$ w\\"\\u00f6r/d?!"', secret), '"***"');
});

test('a secret of several lines is found line by line, and encoded as a whole', () => {
  const key = `-----BEGIN KEY-----\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\nabc\nlast line\n-----END KEY-----\n`;
  assert.equal(redacted(key.replaceAll('\n', '\r\n'), key), '***\r\n***\r\nabc\r\n***\r\n***\r\n');
  assert.equal(redacted(`  ${key.split('\n')[1] ?? ''}`, key), '  ***');
  assert.equal(redacted(Buffer.from(key).toString('base64').slice(0, 130), key).startsWith('***'), true);
  const wrapped = (
    Buffer.from(key)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\n');
  assert.match(redacted(wrapped, key), /^\*\*\*\n\*\*\*\w?=*$/);
  assert.equal(redacted(JSON.stringify(key.trim()), key), '"***"');
});

test('bytes that are no text are a secret like any other', () => {
  const secret = Uint8Array.from([0, 255, 128, 10, 13, 7, 200]);
  const around = Buffer.concat([Buffer.from('<'), Buffer.from([7, 200, 0, 255, 128]), Buffer.from('>')]);
  assert.equal(redacted(around, Uint8Array.from([200, 0, 255, 128])), '<\u0007***>');
  assert.equal(redacted(Buffer.from(secret).toString('base64'), secret).startsWith('***'), true);
});

test('only what may be the beginning of a secret is held back', () => {
  const redactor = createRedactor([Buffer.from('hunter22')]);
  assert.equal(Buffer.concat(redactor.push(Buffer.from('a prompt: '))).toString(), 'a prompt: ');
  assert.equal(Buffer.concat(redactor.push(Buffer.from('hunt'))).toString(), '');
  assert.equal(Buffer.concat(redactor.push(Buffer.from('ing'))).toString(), 'hunting');
  assert.equal(Buffer.concat(redactor.push(Buffer.from('hunter2'))).toString(), '');
  assert.equal(Buffer.concat(redactor.end()).toString(), 'hunter2');
});

// Few letters, so that secrets overlap themselves and each other.
const letters = fc.array(fc.constantFrom(97, 98, 10), { maxLength: 80 }).map((bytes) => Buffer.from(bytes));
const secretArbitrary = fc
  .array(fc.constantFrom(97, 98), { minLength: 4, maxLength: 9 })
  .map((bytes) => Buffer.from(bytes));

test('the result is that of the definition, however the stream is cut, also over a restart', () => {
  const plan = fc.record({
    text: letters,
    secrets: fc.array(secretArbitrary, { minLength: 1, maxLength: 4 }),
    cuts: fc.array(fc.nat(12), { maxLength: 20 }),
    restarts: fc.array(fc.boolean(), { maxLength: 20 }),
  });
  const holds = fc.property(plan, ({ text, secrets, cuts, restarts }) => {
    const expected = oracle(text, secretPatterns(secrets)).toString();
    let redactor = createRedactor(secrets);
    const got: Buffer[] = [];
    let at = 0;
    for (const [index, length] of [...cuts, text.length].entries()) {
      got.push(...redactor.push(text.subarray(at, at + length)).map((part) => Buffer.from(part)));
      at = Math.min(text.length, at + length);
      if (restarts[index] !== true) continue;
      redactor = createRedactor(secrets, redactor.mark);
      at = redactor.mark.consumedBytes;
    }
    got.push(...redactor.push(text.subarray(at)), ...redactor.end());
    assert.equal(Buffer.concat(got).toString(), expected);
  });
  fc.assert(holds, { numRuns: 3000 });
});

test('any bytes around and in secrets, with their forms', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map((bytes) => ({ bytes })),
    fc.record({ form: fc.nat() }),
  );
  const plan = fc.record({
    secrets: fc.array(fc.uint8Array({ minLength: 1, maxLength: 24 }), { minLength: 1, maxLength: 3 }),
    pieces: fc.array(piece, { maxLength: 8 }),
    cut: fc.integer({ min: 1, max: 16 }),
  });
  const holds = fc.property(plan, ({ secrets, pieces, cut }) => {
    const patterns = secretPatterns(secrets);
    const parts = pieces.map((one) =>
      'bytes' in one ? one.bytes : (patterns[one.form % Math.max(1, patterns.length)] ?? Buffer.alloc(0)),
    );
    const text = Buffer.concat(parts);
    const redactor = createRedactor(secrets);
    const got: Buffer[] = [];
    for (let at = 0; at < text.length; at += cut) {
      got.push(...redactor.push(text.subarray(at, at + cut)).map((part) => Buffer.from(part)));
    }
    got.push(...redactor.end());
    assert.deepEqual(Buffer.concat(got), oracle(text, patterns));
  });
  fc.assert(holds, { numRuns: 500 });
});
