import { hash } from 'node:crypto';

declare const brand: unique symbol;

/** A string that only its maker may mint, so that two kinds of id never mix. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The first `hexLength` hex digits of SHA-256 over the parts; parts are length-prefixed, so ("ab","c") ≠ ("a","bc"). */
export function hashOf(parts: readonly string[], hexLength = 32): string {
  // In one call: made for every context at every look, this is most of what deciding costs.
  let text = '';
  for (const part of parts) text += `${Buffer.byteLength(part)}:${part}\n`;
  return hash('sha256', text).slice(0, hexLength);
}
