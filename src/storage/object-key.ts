import { GroundcrewError } from '../base/errors.ts';

/** The longest key, and the longest part between slashes, in UTF-8 bytes: what S3 and Linux file systems both take. */
export const longestKeyBytes = 1024;
export const longestKeyPartBytes = 255;

/** True for a part of a key: not empty, `.` or `..`, no slash, no control characters, well-formed text of at most 255 bytes. */
export function isKeyPart(part: string): boolean {
  return (
    part !== '' &&
    part !== '.' &&
    part !== '..' &&
    !/[/\p{Cc}]/u.test(part) &&
    part.isWellFormed() &&
    Buffer.byteLength(part) <= longestKeyPartBytes
  );
}

/** True for the name of an object: parts joined by `/`, at most 1,024 bytes. */
export function isObjectKey(key: string): boolean {
  return Buffer.byteLength(key) <= longestKeyBytes && key.split('/').every(isKeyPart);
}

/** @throws GroundcrewError `storage/bad-key` unless it names an object. */
export function checkKey(key: string): void {
  if (isObjectKey(key)) return;
  throw new GroundcrewError('storage/bad-key', `no name for an object: ${JSON.stringify(key.slice(0, 200))}`);
}
