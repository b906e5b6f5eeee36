import { createHash } from 'node:crypto';

declare const brand: unique symbol;

/** A string that only its maker may mint, so that two kinds of id never mix. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The first `hexLength` hex digits of SHA-256 over the parts; parts are length-prefixed, so ("ab","c") ≠ ("a","bc"). */
export function hashOf(parts: readonly string[], hexLength = 32): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}\n`);
  return hash.digest('hex').slice(0, hexLength);
}
