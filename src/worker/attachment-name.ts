import { createHash } from 'node:crypto';

// Beside the attachments lie the log in its forms, our record and the pages over them.
const ours = /^(?:log|log\..*|run\.json|index\.html)$/;

/** Room for the longest prefix of a run in a key of 1,024 bytes. */
const longestNameBytes = 800;

/**
 * Where in the store an attachment goes, relative to its run, for the parts of its path as the file system has them. Plain
 * names stay. Bytes that are no UTF-8 and control characters become `_`, with a hash of the real name behind so that two of
 * them do not meet; what would take the place of our own files begins with `attached-`.
 */
export function attachmentName(parts: readonly Buffer[]): string {
  const names = parts.map(tamePart);
  if (ours.test(names[0] ?? '')) names[0] = `attached-${names[0] ?? ''}`;
  const name = names.join('/');
  if (Buffer.byteLength(name) <= longestNameBytes) return name;
  return `deep/${hashOfPath(parts, 32)}-${cut(names.at(-1) ?? '', 100)}`;
}

function tamePart(part: Buffer): string {
  const text = part.toString('utf8');
  const isPlain =
    Buffer.from(text).equals(part) && !/[\p{Cc}/]/u.test(text) && text !== '' && text !== '.' && text !== '..';
  if (isPlain && part.length <= 255 - 'attached-'.length) return text;
  const tame = text.replace(/[\p{Cc}\ufffd/]/gu, '_').replace(/^\.+$/, '_');
  return `${cut(tame, 200)}~${hashOfPath([part], 8)}`;
}

/** At most `longest` UTF-8 bytes, no code point cut. */
function cut(text: string, longest: number): string {
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > longest) break;
    kept += character;
  }
  return kept;
}

function hashOfPath(parts: readonly Buffer[], hexLength: number): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, hexLength);
}
