/**
 * How many of the last bytes begin a UTF-8 code point without ending it: 0 to 3. Bytes that are no UTF-8 give 0, so they
 * are never held up.
 */
export function unfinishedUtf8(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return back < codePointLength(byte) ? back : 0;
  }
  return 0;
}

function codePointLength(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  if (lead >= 0xe0) return lead <= 0xef ? 3 : 1;
  return lead >= 0xc2 ? 2 : 1;
}
