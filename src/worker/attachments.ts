import { isGroundcrewError } from '../base/errors.ts';
import type { ObjectStore, Visibility } from '../storage/object-store.ts';
import { attachmentName } from './attachment-name.ts';
import { walkAttachments, type OpenedFile, type SkipReason } from './attachment-walk.ts';
import { attachmentKind } from './content-type.ts';

/** The most that one attempt may leave. A sparse file counts as long as it reads: so long it would be in the store. */
export interface AttachmentLimits {
  readonly files: number;
  readonly totalBytes: number;
}

/** What to save, and where. */
export interface SaveAttachmentsOptions {
  /** The attempt's attachments directory; the job has ended. */
  readonly dir: string;
  readonly store: ObjectStore;
  /** Key prefix of the attempt, without a slash at its end. */
  readonly prefix: string;
  readonly visibility: Visibility;
  readonly limits: AttachmentLimits;
  readonly signal: AbortSignal;
  /** Lines for the job's log. */
  readonly log: (line: string) => void;
}

/** Why a file is not among the saved. `changed`: it shrank while it was read; `name`: the store has no place under its name. */
export type LeftOut = SkipReason | 'too-many' | 'too-large' | 'changed' | 'name';

/** What was saved; `name` is the key below the prefix. */
export interface SavedAttachments {
  readonly saved: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly leftOut: Readonly<Partial<Record<LeftOut, number>>>;
}

/** So many files are put at once: most are small, and each waits for the disk or the network. */
const putsAtOnce = 8;
/** After so many more entries than may be saved we stop counting. */
const mostLookedAt = 200_000;

const words: Readonly<Record<LeftOut, string>> = {
  link: 'symbolic links',
  special: 'FIFOs, sockets or devices',
  unreadable: 'files that cannot be read',
  'too-deep': 'folders that are nested too deep',
  'too-many': 'files beyond the number allowed',
  'too-large': 'files beyond the size allowed',
  changed: 'files that shrank while they were saved',
  name: 'files whose names clash with others',
  'no-directory': 'the directory for them is gone or cannot be read',
};

/**
 * Saves what the job left: regular files only, sub-directories kept, links never followed, whatever the names. May be
 * repeated as a whole after a failure. What is left out is counted, and said in the log in one line each.
 * @throws what the store throws, and the signal's reason.
 */
export async function saveAttachments(options: SaveAttachmentsOptions): Promise<SavedAttachments> {
  const { dir, limits, signal } = options;
  const saved: { name: string; sizeBytes: number }[] = [];
  const leftOut: Partial<Record<LeftOut, number>> = {};
  const puts = new Set<Promise<void>>();
  let files = 0;
  let totalBytes = 0;
  let looked = 0;
  const leave = (why: LeftOut): void => {
    leftOut[why] = (leftOut[why] ?? 0) + 1;
  };
  try {
    for await (const found of walkAttachments(dir)) {
      const file = 'skipped' in found ? found.skipped : files < limits.files ? await found.open() : 'too-many';
      if (typeof file === 'string') leave(file);
      else if (file.sizeBytes > limits.totalBytes - totalBytes) {
        leave('too-large');
        await file.handle.close();
      } else {
        files++;
        totalBytes += file.sizeBytes;
        const put = save(options, found.parts, file).then((end) => {
          if (end.kind === 'left') leave(end.why);
          else saved.push({ name: end.name, sizeBytes: file.sizeBytes });
        });
        puts.add(put);
        put.then(
          () => puts.delete(put),
          () => undefined,
        );
      }
      while (puts.size >= putsAtOnce) await Promise.race(puts);
      signal.throwIfAborted();
      if (++looked >= limits.files + mostLookedAt) break;
    }
  } finally {
    await Promise.allSettled(puts);
  }
  await Promise.all(puts);
  for (const [why, count] of Object.entries(leftOut) as [LeftOut, number][]) {
    options.log(`attachments: ${String(count)} not saved: ${words[why]}${limitOf(why, limits)}`);
  }
  return { saved: saved.sort((a, b) => (a.name < b.name ? -1 : 1)), leftOut };
}

type SaveEnd = { readonly kind: 'saved'; readonly name: string } | { readonly kind: 'left'; readonly why: LeftOut };

/** A file that still grows is saved as long as it was when it was opened. */
async function save(
  { store, prefix, visibility }: SaveAttachmentsOptions,
  parts: readonly Buffer[],
  { handle, sizeBytes }: OpenedFile,
): Promise<SaveEnd> {
  const name = attachmentName(parts);
  try {
    await store.put(`${prefix}/${name}`, { handle, start: 0, end: sizeBytes }, { ...attachmentKind(name), visibility });
    return { kind: 'saved', name };
  } catch (error) {
    if (isGroundcrewError(error, 'storage/source-short')) return { kind: 'left', why: 'changed' };
    // `log` becomes `attached-log`, which the job may have as a folder too: no later try would end differently.
    if (isGroundcrewError(error, 'storage/key-conflict')) return { kind: 'left', why: 'name' };
    throw error;
  } finally {
    await handle.close();
  }
}

function limitOf(why: LeftOut, limits: AttachmentLimits): string {
  if (why === 'too-many') return ` (${String(limits.files)})`;
  return why === 'too-large' ? ` (${String(limits.totalBytes)} bytes in all)` : '';
}
