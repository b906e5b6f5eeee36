import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObjectId } from './git-names.ts';
import { readSmallFile, writeSmallFile } from './small-file.ts';

/** Hash function of a repository's object ids. */
export type ObjectFormat = 'sha1' | 'sha256';

/** Which hash a full object id is of. */
export function objectFormatOf(sha: string): ObjectFormat {
  return sha.length === 64 ? 'sha256' : 'sha1';
}

/** Writes an empty repository; what `git init` would do, without a process and without templates. */
export function writeEmptyRepository(
  gitDir: string,
  options: { readonly format: ObjectFormat; readonly isBare: boolean; readonly extraConfig?: string },
): void {
  // The rest git makes when it needs it.
  for (const name of ['objects/pack', 'refs', 'info']) mkdirSync(join(gitDir, name), { recursive: true });
  const isSha256 = options.format === 'sha256';
  const config = [
    '[core]',
    `\trepositoryformatversion = ${isSha256 ? 1 : 0}`,
    '\tfilemode = true',
    `\tbare = ${String(options.isBare)}`,
    ...(isSha256 ? ['[extensions]', '\tobjectFormat = sha256'] : []),
    options.extraConfig ?? '',
  ].join('\n');
  writeSmallFile(join(gitDir, 'config'), `${config}\n`, 0o666);
  writeSmallFile(join(gitDir, 'HEAD'), 'ref: refs/heads/main\n', 0o666);
}

/** The ref of a commit that is there to be used, with the tags that came with it. */
export const wantedRef = (sha: string): string => `refs/wanted/${sha}`;
/** Where a fetch puts it: git writes its tags afterwards, one by one. */
export const incomingRef = (sha: string): string => `refs/incoming/${sha}`;

/** Refs of commits that may be files of their own. */
const mostLoose = 20;

/** What a ref points to; `peeledSha` is the commit behind an annotated tag, else the same. */
export interface PackedRef {
  readonly sha: string;
  readonly peeledSha: string;
}

/** The refs in the `packed-refs` file of a repository of ours, by name: all its tags (`tidyMirror`). Empty when unreadable. */
export async function readPackedRefs(gitDir: string): Promise<Map<string, PackedRef>> {
  const refs = new Map<string, PackedRef>();
  let text: string;
  try {
    text = await readFile(join(gitDir, 'packed-refs'), 'utf8');
  } catch {
    return refs;
  }
  let last: string | undefined;
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{40}|[0-9a-f]{64}) (refs\/.+)$/.exec(line);
    const [, sha, name] = match ?? [];
    if (sha !== undefined && name !== undefined) {
      refs.set(name, { sha, peeledSha: sha });
      last = name;
    } else if (last !== undefined && /^\^[0-9a-f]{40,64}$/.test(line)) {
      refs.set(last, { sha: refs.get(last)?.sha ?? '', peeledSha: line.slice(1) });
    }
  }
  return refs;
}

/** What a ref of a repository of ours points to, by its own file or the `packed` ones; null when there is none. */
export function shaOf(gitDir: string, packed: ReadonlyMap<string, PackedRef>, name: string): string | null {
  const loose = readSmallFile(join(gitDir, name))?.trim();
  return loose ?? packed.get(name)?.sha ?? null;
}

/** Whether a fetch left tags in files of their own. */
export function areTagsLoose(gitDir: string): boolean {
  return namesIn(join(gitDir, 'refs/tags')).length > 0;
}

/** Whether so many commits have a file of their own that packing them is worth its process. */
export function areRefsMany(gitDir: string): boolean {
  return namesIn(join(gitDir, 'refs/wanted')).length > mostLoose;
}

/** Gives what was fetched the names by which it is looked for; also what a fetch left that was killed before this. */
export function showIncoming(gitDir: string): void {
  const incoming = namesIn(join(gitDir, 'refs/incoming')).filter(isObjectId);
  if (incoming.length > 0) mkdirSync(join(gitDir, 'refs/wanted'), { recursive: true });
  for (const sha of incoming) renameSync(join(gitDir, incomingRef(sha)), join(gitDir, wantedRef(sha)));
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}

/** Removes what a killed git left behind: lock files, half-written packs. Only under the mirror's lock. True: there was some. */
export async function removeLeftovers(gitDir: string): Promise<boolean> {
  let found = false;
  const entries = await readdir(gitDir, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !/\.lock$|^packed-refs\.new$|^tmp_|^\.tmp-|^pack-.*\.keep$/.test(entry.name)) continue;
    await rm(join(entry.parentPath, entry.name), { force: true });
    found = true;
  }
  return found;
}

/** The complete packs (those with an index) of a repository, without their endings, with their sizes in bytes. */
export function listPacks(gitDir: string): readonly { readonly base: string; readonly sizeBytes: number }[] {
  const dir = join(gitDir, 'objects/pack');
  const names = new Set(readdirSync(dir));
  const packs: { base: string; sizeBytes: number }[] = [];
  for (const name of names) {
    const base = /^(pack-[0-9a-f]+)\.idx$/.exec(name)?.[1];
    if (base === undefined || !names.has(`${base}.pack`)) continue;
    packs.push({ base: join(dir, base), sizeBytes: statSync(join(dir, `${base}.pack`)).size });
  }
  return packs;
}

/** Puts `dir` aside at once, so that its name is free, and deletes it. Missing is fine. */
export async function discard(dir: string, unique: string): Promise<void> {
  const aside = `${dir}.trash-${unique}`;
  try {
    await rename(dir, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}
