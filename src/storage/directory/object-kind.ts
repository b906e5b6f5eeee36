import { constants, existsSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';
import { moveBelow } from './files-below.ts';
import type { Staging } from './staging.ts';
import { absent } from './system-error.ts';

const objectKindSchema = z.object({ contentType: z.string().max(1000), isDownload: z.boolean() });

/** What an object is served as. */
export type ObjectKind = Readonly<z.infer<typeof objectKindSchema>>;

/** What a file without a note under `kinds/` is. */
const plainKind: ObjectKind = { contentType: 'text/plain; charset=utf-8', isDownload: false };
const jsonKind: ObjectKind = { contentType: 'application/json', isDownload: false };

/**
 * What an object is without a note: text, or what each attempt has one of, since a note costs as much as an object. Both are
 * harmless in a browser, whatever the bytes are.
 */
export function kindByName(key: string): ObjectKind {
  return /\/(?:run\.json|log\.chunks)$/.test(key) ? jsonKind : plainKind;
}

/** Harmless whatever the bytes are: holds while an object's kind changes, and where its note cannot be read. */
export const transitKind: ObjectKind = { contentType: 'application/octet-stream', isDownload: true };

/** True when both are served alike. */
export function isSameKind(a: ObjectKind, b: ObjectKind): boolean {
  return a.contentType === b.contentType && a.isDownload === b.isDownload;
}

/** The kind noted for `key` below `root`; the one by its name when nothing is. */
export async function readKind(root: string, key: string): Promise<ObjectKind> {
  if (!existsSync(join(root, key))) return kindByName(key);
  const handle = await open(join(root, key), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    absent,
  );
  if (handle === null) return kindByName(key);
  try {
    if (!(await handle.stat()).isFile()) return kindByName(key);
    return objectKindSchema.parse(JSON.parse(await handle.readFile('utf8')));
  } catch {
    return transitKind;
  } finally {
    await handle.close();
  }
}

/** Notes the kind of `key` below `root`. */
export async function writeKind(
  root: string,
  key: string,
  note: { readonly kind: ObjectKind; readonly staging: Staging; readonly isTransient: boolean },
): Promise<void> {
  const { kind, staging, isTransient } = note;
  const staged = await staging.fill(
    { bytes: Buffer.from(`${JSON.stringify(kind)}\n`) },
    { contentType: 'application/json', visibility: 'private', isTransient },
  );
  try {
    await moveBelow(root, key, {
      move: (target) => {
        renameSync(staged, target);
      },
      isTransient,
    });
  } finally {
    unlinkIfThere(staged);
  }
}
