/**
 * Shorter secrets are not redacted: four bytes or fewer turn up everywhere by chance, and the stars would tell where. The
 * same goes for lines of a secret and for written forms that come out shorter.
 */
export const shortestPatternBytes = 4;

/** `base64 FILE` breaks its lines so; the pieces of a long secret are found one by one. */
const base64LineLength = 76;

/**
 * All byte strings that give a secret away: the value, its lines where it has several, and of each the forms in which
 * programs print it: base64 (also URL-safe, at any of the three alignments within a longer text, and broken into lines),
 * percent-encoded, and escaped as in JSON. What a job encrypts, compresses or spells backwards is not found.
 */
export function secretPatterns(secrets: readonly Uint8Array[]): readonly Buffer[] {
  const found = new Map<string, Buffer>();
  for (const secret of secrets) {
    for (const form of formsOf(Buffer.from(secret))) {
      if (form.length >= shortestPatternBytes) found.set(form.toString('latin1'), form);
    }
  }
  return [...found.values()];
}

function* formsOf(secret: Buffer): Generator<Buffer> {
  const value = withoutLastNewline(secret);
  const lines = linesOf(value);
  // The lines cover the value where it is printed as it is, and would miss nothing but its newlines.
  for (const part of lines) yield part;
  for (const part of new Set([secret, value, ...(lines.length > 1 ? lines : [])])) {
    if (part.length < shortestPatternBytes) continue;
    yield* base64Forms(part);
    yield* percentForms(part);
    yield* jsonForms(part);
  }
}

function withoutLastNewline(secret: Buffer): Buffer {
  let end = secret.length;
  while (end > 0 && (secret[end - 1] === 10 || secret[end - 1] === 13)) end--;
  return secret.subarray(0, end);
}

function linesOf(value: Buffer): readonly Buffer[] {
  // latin1 keeps each byte as one character.
  const lines = value.toString('latin1').split(/\r?\n|\r/);
  return lines.map((line) => Buffer.from(line, 'latin1'));
}

/** The characters that depend on the secret alone, for each place that it can have in a group of three bytes. */
function* base64Forms(part: Buffer): Generator<Buffer> {
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), part]).toString('base64');
    const sure = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + part.length) * 8) / 6));
    yield Buffer.from(sure);
    yield Buffer.from(sure.replaceAll('+', '-').replaceAll('/', '_'));
    if (before > 0 || sure.length <= base64LineLength) continue;
    for (let at = 0; at < sure.length; at += base64LineLength) yield Buffer.from(sure.slice(at, at + base64LineLength));
  }
}

function* percentForms(part: Buffer): Generator<Buffer> {
  // What encodeURIComponent leaves alone, and what stricter encoders (RFC 3986) leave alone.
  for (const plain of [/[\w.!~*'()-]/, /[\w.~-]/]) {
    const encode = (digits: (hex: string) => string): string =>
      [...part].map((byte) => encodedByte(byte, plain, digits)).join('');
    const upper = encode((hex) => hex.toUpperCase());
    yield Buffer.from(upper);
    yield Buffer.from(encode((hex) => hex));
    yield Buffer.from(upper.replaceAll('%20', '+'));
  }
}

function encodedByte(byte: number, plain: RegExp, digits: (hex: string) => string): string {
  const character = String.fromCharCode(byte);
  return plain.test(character) ? character : `%${digits(byte.toString(16).padStart(2, '0'))}`;
}

function* jsonForms(part: Buffer): Generator<Buffer> {
  const escaped = JSON.stringify(part.toString('utf8')).slice(1, -1);
  yield Buffer.from(escaped);
  yield Buffer.from(escaped.replaceAll('/', '\\/'));
  // As Python writes it: ASCII only.
  yield Buffer.from(
    escaped.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
