/** Longest header that is read; GitHub's have some 300 characters. */
const longest = 16 * 1024;

/**
 * The address that a `Link` header (RFC 8288) names for a relation, as it stands there; null when there is none. Takes time
 * proportional to the header, whatever it holds.
 */
export function linkTarget(header: string | null | undefined, relation: string): string | null {
  if (header === null || header === undefined || header.length > longest) return null;
  let at = 0;
  for (;;) {
    const open = header.indexOf('<', at);
    const close = open < 0 ? -1 : header.indexOf('>', open);
    if (close < 0) return null;
    const target = header.slice(open + 1, close);
    const end = endOfParameters(header, close + 1);
    if (relationsOf(header.slice(close + 1, end)).includes(relation)) return target;
    at = end + 1;
  }
}

/** Where the comma is that ends this link; one in quotes does not. */
function endOfParameters(header: string, from: number): number {
  let isQuoted = false;
  for (let i = from; i < header.length; i += 1) {
    if (header[i] === '\\' && isQuoted) i += 1;
    else if (header[i] === '"') isQuoted = !isQuoted;
    else if (header[i] === ',' && !isQuoted) return i;
  }
  return header.length;
}

function relationsOf(parameters: string): readonly string[] {
  const parameter = /[ \t]*;[ \t]*([^\s=;,"]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/gy;
  for (const [, name = '', quoted, bare] of parameters.matchAll(parameter)) {
    if (name.toLowerCase() === 'rel') return (quoted ?? bare ?? '').toLowerCase().split(' ');
  }
  return [];
}
